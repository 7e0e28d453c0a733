"""Backups: their documents, and the space each keeps its items in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import ACCESS_DENIED, BACKUP_NOT_FOUND, ServiceError, validation
from extenddb.engine.backups import records, undo
from extenddb.engine.backups.records import BACKUPS, Body
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.table import Table
from extenddb.engine.tables.vector_definitions import MEMBER
from extenddb.storage.model import Estimate, Space

CREATING, AVAILABLE, DELETED = "CREATING", "AVAILABLE", "DELETED"
USER, SYSTEM = "USER", "SYSTEM"
"""BackupType: made on request, or of a table that was deleted (see `retiring`)."""
_SPACE = "Space"
"""Member of a record whose items are in another space than that of its id: the space's id and epoch."""
_INDEX_MEMBERS = ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput", "OnDemandThroughput")

_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(?P<account>[^:]*):table/[^/]+/backup/[^/]+")
_SERVICE = tuple(f"arn:{partition}:dynamodb:" for partition in ("aws", "aws-cn", "aws-us-gov"))
_VECTOR_MEMBERS = ("IndexName", "VectorAttribute", "SearchSchema", "Projection", "Dimensions", "DistanceFunction")


def space(id_: str) -> Space:
    """Return the space of a backup's items, which have the keys they have in the table."""
    return Space(id=f"b{id_.replace('-', '')}")


def space_of(body: Body) -> Space:
    """Return the space of the items of a backup on record."""
    if _SPACE not in body:
        return space(body["Id"])
    id_, epoch = body[_SPACE]
    return Space(id=id_, epoch=epoch)


def kept_in(body: Body, where: Space) -> Body:
    """Return a record whose items are in a space that was there before."""
    return {**body, _SPACE: [where.id, where.epoch]}


def is_there(body: Body, now: float) -> bool:
    """Tell whether a backup on record can be used: it is neither deleted nor expired, at a time in seconds."""
    details = body["Description"]["BackupDetails"]
    return status(body) != DELETED and details.get("BackupExpiryDateTime", now + 1) > now


def check_arn(caller: Caller, arn: str) -> None:
    """Raise an error for a BackupArn that cannot be one, or that is of another account."""
    parts = _ARN.fullmatch(arn)
    if parts is None:
        raise validation("Invalid Backup ARN")
    if not arn.startswith(_SERVICE):
        raise validation("Invalid Request: BackupArn is not valid")
    if parts["account"] != caller.account:
        raise ServiceError(ACCESS_DENIED, "Access is denied")


async def require(context: Context, caller: Caller, arn: str) -> tuple[str, Body]:
    """Return key and body of a backup that can be used.

    Raises ValidationException, AccessDeniedException, BackupNotFoundException.
    """
    check_arn(caller, arn)
    key, body = await records.require(context, caller, BACKUPS, arn, not_found(arn))
    if not is_there(body, context.clock() / 1000):
        raise not_found(arn)
    return key, body


async def remove(context: Context, key: str, body: Body) -> None:
    """Remove a backup and all it holds."""
    await undo.drop_space(context, space_of(body))
    await context.backend.documents.delete(BACKUPS.kind, key)


def status(body: Body) -> str:
    """Return the BackupStatus of a record."""
    return str(body["Description"]["BackupDetails"]["BackupStatus"])


def not_found(arn: str) -> ServiceError:
    """Return the error for a backup that is not there."""
    return ServiceError(BACKUP_NOT_FOUND, f"Backup not found: {arn}")


def new(table: Table, name: str, id_: str, estimate: Estimate, now_ms: int) -> Body:
    """Return what is put on record for a backup that begins."""
    description = table.description
    details = {
        "BackupArn": BACKUPS.arn(description["TableArn"], id_),
        "BackupName": name,
        "BackupSizeBytes": 0,
        "BackupStatus": CREATING,
        "BackupType": USER,
        "BackupCreationDateTime": now_ms / 1000,
    }
    return {
        "Id": id_,
        "Table": dict(description),
        "Description": {
            "BackupDetails": details,
            "SourceTableDetails": _source(description, estimate),
            "SourceTableFeatureDetails": _features(table),
        },
    }


def with_details(body: Body, **details: Any) -> Body:
    """Return a backup's record with some of its BackupDetails replaced."""
    description = body["Description"]
    return {
        **body,
        "Description": {**description, "BackupDetails": {**description["BackupDetails"], **details}},
    }


def with_contents(body: Body, items: int, size: int) -> Body:
    """Return the record of a backup that holds so many items of so many bytes, as its table did."""
    body = with_details(body, BackupSizeBytes=size)
    source = {**body["Description"]["SourceTableDetails"], "ItemCount": items, "TableSizeBytes": size}
    return {**body, "Description": {**body["Description"], "SourceTableDetails": source}}


def listed(body: Body) -> dict[str, Any]:
    """Return the BackupSummary of a record."""
    description = body["Description"]
    source = {name: description["SourceTableDetails"][name] for name in ("TableName", "TableId", "TableArn")}
    return {**source, **description["BackupDetails"]}


def _source(description: Mapping[str, Any], estimate: Estimate) -> dict[str, Any]:
    given = description["ProvisionedThroughput"]
    details = {
        "TableName": description["TableName"],
        "TableId": description["TableId"],
        "TableArn": description["TableArn"],
        "TableSizeBytes": estimate.bytes,
        "KeySchema": description["KeySchema"],
        "TableCreationDateTime": description["CreationDateTime"],
        "ProvisionedThroughput": {member: given[member] for member in ("ReadCapacityUnits", "WriteCapacityUnits")},
        "ItemCount": estimate.rows,
        "BillingMode": description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
    }
    if "OnDemandThroughput" in description:
        details["OnDemandThroughput"] = description["OnDemandThroughput"]
    return details


def _features(table: Table) -> dict[str, Any]:
    description = table.description
    features: dict[str, Any] = {}
    for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        if description.get(member):
            features[member] = [_index(index) for index in description[member]]
    if description.get(MEMBER):
        features[MEMBER] = [
            {name: index[name] for name in _VECTOR_MEMBERS if name in index} for index in description[MEMBER]
        ]
    if "StreamSpecification" in description:
        features["StreamDescription"] = description["StreamSpecification"]
    if table.ttl is not None:
        features["TimeToLiveDescription"] = {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl}
    if "SSEDescription" in description:
        features["SSEDescription"] = description["SSEDescription"]
    return features


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    found = {member: index[member] for member in _INDEX_MEMBERS if member in index}
    given = found.get("ProvisionedThroughput")
    if given is not None:
        found["ProvisionedThroughput"] = {
            member: given[member] for member in ("ReadCapacityUnits", "WriteCapacityUnits")
        }
    return found
