"""Keys that tables are encrypted with, by their ARNs. Pure."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from extenddb.core.arn import TableArn

_SERVICE_ALIAS = "alias/aws/dynamodb"


def key_arn(key: str, arn: TableArn, region: str | None = None) -> str:
    """Return the ARN of a KMSMasterKeyId of a table, or of its replica in another region."""
    if key.startswith("arn:"):
        return key
    home = f"arn:{arn.partition}:kms:{region or arn.region}:{arn.account}"
    if key == _SERVICE_ALIAS:
        return f"{home}:key/{uuid5(NAMESPACE_URL, f'{home}:{_SERVICE_ALIAS}')}"
    return f"{home}:{key if '/' in key else f'key/{key}'}"


def service_key(arn: TableArn, region: str | None = None) -> str:
    """Return the ARN of the key behind the service's alias: one for each account and region."""
    return key_arn(_SERVICE_ALIAS, arn, region)
