"""Auto scaling settings: kept and described; capacity itself is not limited here, so that nothing has to scale. Pure.

Settings are kept by replica region and, within it, by index name; the empty name is the table itself. Writes scale
alike in all replicas, so they are kept once, under the empty region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extenddb.core.errors import resource_not_found
from extenddb.engine.tables import rules

SUBJECT = "AutoScaling"
"""Where a table's settings hold them."""
_EVERYWHERE = ""
_ROLE = (
    "aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
)
_POLICY = "DynamoDB{direction}CapacityUtilization:table/{table}"

Settings = Mapping[str, Mapping[str, Any]]
"""Descriptions by place: `region/index`."""


def one(update: Mapping[str, Any], *, direction: str, table: str, account: str) -> dict[str, Any]:
    """Return the AutoScalingSettingsDescription an update makes. Raises ValidationException."""
    if update.get("AutoScalingDisabled"):
        return {"AutoScalingDisabled": True}
    least, most = update.get("MinimumUnits"), update.get("MaximumUnits")
    if least is None or most is None:
        raise rules.invalid("MinimumUnits and MaximumUnits must be specified unless AutoScalingDisabled is true")
    if least > most:
        raise rules.invalid(f"MinimumUnits {least} is greater than MaximumUnits {most}")
    described: dict[str, Any] = {
        "MinimumUnits": least,
        "MaximumUnits": most,
        "AutoScalingRoleArn": update.get("AutoScalingRoleArn") or f"arn:aws:iam::{account}:role/{_ROLE}",
        "AutoScalingDisabled": False,
    }
    policy = update.get("ScalingPolicyUpdate")
    if policy is not None:
        name = policy.get("PolicyName") or _POLICY.format(direction=direction, table=table)
        target = policy["TargetTrackingScalingPolicyConfiguration"]
        described["ScalingPolicies"] = [{"PolicyName": name, "TargetTrackingScalingPolicyConfiguration": target}]
    return described


def updated(
    current: Settings | None, request: Mapping[str, Any], description: Mapping[str, Any], region: str
) -> dict[str, Any]:
    """Return the settings after an UpdateTableReplicaAutoScaling request. Raises ServiceError."""
    account = description["TableArn"].split(":")[4]
    settings = dict(current or {})
    changes = list(_changes(request))
    if not changes:
        raise rules.invalid("Nothing to update: no auto scaling settings are given")
    regions = {_EVERYWHERE, *regions_of(description, region)}
    indexes = {"", *(index["IndexName"] for index in description.get("GlobalSecondaryIndexes", ()))}
    for place, index, update in changes:
        if place not in regions:
            raise rules.invalid(f"Replica {place} is not part of the global table")
        if index not in indexes:
            raise resource_not_found(f"Requested resource not found: Index: {index} not found")
        direction = "Write" if place == _EVERYWHERE else "Read"
        settings[f"{place}/{index}"] = one(update, direction=direction, table=description["TableName"], account=account)
    return settings


def _changes(request: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield region, index and update of each change."""
    if request.get("ProvisionedWriteCapacityAutoScalingUpdate") is not None:
        yield _EVERYWHERE, "", request["ProvisionedWriteCapacityAutoScalingUpdate"]
    for index in request.get("GlobalSecondaryIndexUpdates") or ():
        if index.get("ProvisionedWriteCapacityAutoScalingUpdate") is not None:
            yield _EVERYWHERE, index.get("IndexName") or "", index["ProvisionedWriteCapacityAutoScalingUpdate"]
    for replica in request.get("ReplicaUpdates") or ():
        region = replica["RegionName"]
        if replica.get("ReplicaProvisionedReadCapacityAutoScalingUpdate") is not None:
            yield region, "", replica["ReplicaProvisionedReadCapacityAutoScalingUpdate"]
        for index in replica.get("ReplicaGlobalSecondaryIndexUpdates") or ():
            if index.get("ProvisionedReadCapacityAutoScalingUpdate") is not None:
                yield region, index.get("IndexName") or "", index["ProvisionedReadCapacityAutoScalingUpdate"]


def regions_of(description: Mapping[str, Any], region: str) -> list[str]:
    """Return the regions of a table: its own and those of its replicas."""
    return [region, *(replica["RegionName"] for replica in description.get("Replicas", ()))]


def described(description: Mapping[str, Any], region: str, settings: Settings | None) -> dict[str, Any]:
    """Return the TableAutoScalingDescription."""
    return {
        "TableName": description["TableName"],
        "TableStatus": description["TableStatus"],
        "Replicas": [_replica(description, each, settings or {}) for each in regions_of(description, region)],
    }


def _replica(description: Mapping[str, Any], region: str, settings: Settings) -> dict[str, Any]:
    return {
        "RegionName": region,
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index["IndexName"],
                "IndexStatus": index["IndexStatus"],
                "ProvisionedReadCapacityAutoScalingSettings": found(settings, region, index["IndexName"]),
                "ProvisionedWriteCapacityAutoScalingSettings": found(settings, _EVERYWHERE, index["IndexName"]),
            }
            for index in description.get("GlobalSecondaryIndexes", ())
        ],
        "ReplicaProvisionedReadCapacityAutoScalingSettings": found(settings, region, ""),
        "ReplicaProvisionedWriteCapacityAutoScalingSettings": found(settings, _EVERYWHERE, ""),
        "ReplicaStatus": "ACTIVE",
    }


def found(settings: Settings, region: str, index: str) -> Mapping[str, Any]:
    """Return the settings of a place; where there are none, nothing scales."""
    return settings.get(f"{region}/{index}", {"AutoScalingDisabled": True})
