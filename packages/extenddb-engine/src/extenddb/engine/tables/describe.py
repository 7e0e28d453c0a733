"""Descriptions of tables: made from a request when a table is created, and completed when it is described. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.engine.tables import capacity_rules, vectors
from extenddb.engine.tables.table import INDEX_MEMBERS, Table
from extenddb.engine.tables.vector_definitions import MEMBER
from extenddb.storage.model import Estimate

_NO_THROUGHPUT = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
_PASSED_ON = ("OnDemandThroughput", "GlobalTableSettingsReplicationMode")


def created(request: Mapping[str, Any], *, arn: TableArn, table_id: str, created_ms: int) -> dict[str, Any]:
    """Return the description of a new, active table."""
    seconds = created_ms / 1000
    on_demand = request.get("BillingMode") == "PAY_PER_REQUEST"
    description: dict[str, Any] = {
        "AttributeDefinitions": request["AttributeDefinitions"],
        "TableName": arn.table,
        "KeySchema": request["KeySchema"],
        "TableStatus": "ACTIVE",
        "CreationDateTime": seconds,
        "ProvisionedThroughput": throughput(request.get("ProvisionedThroughput")),
        "TableArn": str(arn),
        "TableId": table_id,
        "DeletionProtectionEnabled": bool(request.get("DeletionProtectionEnabled")),
    }
    if on_demand:
        description["BillingModeSummary"] = {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": seconds,
        }
    description.update({name: request[name] for name in _PASSED_ON if request.get(name) is not None})
    description.update(_warm(request, on_demand=on_demand))
    if request.get("TableClass") is not None:
        description["TableClassSummary"] = {"TableClass": request["TableClass"]}
    sse = encryption(request.get("SSESpecification"), arn)
    if sse is not None:
        description["SSEDescription"] = sse
    for member, kind in INDEX_MEMBERS:
        if request.get(member):
            description[member] = [index(each, arn, with_status=kind == "GLOBAL") for each in request[member]]
    if request.get(MEMBER):
        description[MEMBER] = [vectors.described(each, arn) for each in request[MEMBER]]
    return description


def encryption(specification: Mapping[str, Any] | None, arn: TableArn) -> dict[str, Any] | None:
    """Return the SSEDescription of a request's SSESpecification; None for the service's own keys, which have none."""
    if not specification or not specification.get("Enabled"):
        return None
    key = specification.get("KMSMasterKeyId") or "alias/aws/dynamodb"
    if not key.startswith("arn:"):
        key = f"arn:{arn.partition}:kms:{arn.region}:{arn.account}:{key if '/' in key else f'key/{key}'}"
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def throughput(given: Mapping[str, int] | None) -> dict[str, Any]:
    """Return the ProvisionedThroughput of a description; None is that of an on-demand table."""
    return {"NumberOfDecreasesToday": 0, **(given or _NO_THROUGHPUT)}


def index(given: Mapping[str, Any], arn: TableArn, *, with_status: bool) -> dict[str, Any]:
    """Return the description of a new index that is active."""
    description: dict[str, Any] = {
        "IndexName": given["IndexName"],
        "KeySchema": given["KeySchema"],
        "Projection": given["Projection"],
        "IndexArn": arn.index(given["IndexName"]),
    }
    if with_status:
        description["IndexStatus"] = "ACTIVE"
        description["ProvisionedThroughput"] = throughput(given.get("ProvisionedThroughput"))
        description.update(_warm(given, on_demand=given.get("ProvisionedThroughput") is None))
        description.update({name: given[name] for name in _PASSED_ON if given.get(name) is not None})
    return description


def _warm(given: Mapping[str, Any], *, on_demand: bool) -> dict[str, Any]:
    if given.get("WarmThroughput") is None:
        return {}
    floor = capacity_rules.base(given, on_demand=on_demand)
    return {"WarmThroughput": capacity_rules.warmed(given["WarmThroughput"], floor)}


def described(table: Table, estimates: Mapping[str | None, Estimate], status: str | None = None) -> dict[str, Any]:
    """Return the table's description with its counts; `status` replaces that of the table and its global indexes."""
    nothing = Estimate(rows=0, bytes=0)
    whole = estimates.get(None, nothing)
    description = {**table.description, "ItemCount": whole.rows, "TableSizeBytes": whole.bytes}
    if status is not None:
        description["TableStatus"] = status
    for member, kind in INDEX_MEMBERS:
        if member not in description:
            continue
        description[member] = [
            _counted(
                index, estimates.get(table.index_ids[index["IndexName"]], nothing), status if kind == "GLOBAL" else None
            )
            for index in description[member]
        ]
    description.update(vectors.counted(table, estimates, status))
    return description


def _counted(index: Mapping[str, Any], estimate: Estimate, status: str | None) -> dict[str, Any]:
    counted = {**index, "IndexSizeBytes": estimate.bytes, "ItemCount": estimate.rows}
    if status is not None:
        counted["IndexStatus"] = status
    return counted
