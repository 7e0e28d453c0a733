"""Descriptions of tables: made from a request when a table is created, and completed when it is described. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.engine.tables import capacity_rules, keys, replicas, vectors
from extenddb.engine.tables.table import INDEX_MEMBERS, Table
from extenddb.engine.tables.vector_definitions import MEMBER
from extenddb.storage.model import Estimate

_NO_THROUGHPUT = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
_DAY_SECONDS = 86_400


def created(request: Mapping[str, Any], *, arn: TableArn, table_id: str, created_ms: int) -> dict[str, Any]:
    """Return the description of a new, active table."""
    seconds = created_ms / 1000
    on_demand = request.get("BillingMode") == "PAY_PER_REQUEST"
    description: dict[str, Any] = {
        "AttributeDefinitions": sorted_definitions(request["AttributeDefinitions"]),
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
    if request.get("GlobalTableSettingsReplicationMode") is not None:
        description["GlobalTableSettingsReplicationMode"] = request["GlobalTableSettingsReplicationMode"]
    description.update(_capacity(request, on_demand=on_demand))
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


def sorted_definitions(definitions: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return AttributeDefinitions as they are described: by name."""
    return sorted(definitions, key=lambda each: each["AttributeName"])


def encryption(specification: Mapping[str, Any] | None, arn: TableArn) -> dict[str, Any] | None:
    """Return the SSEDescription of a request's SSESpecification; None for the service's own keys, which have none."""
    if specification is None or not capacity_rules.encrypts(specification):
        return None
    key = specification.get("KMSMasterKeyId")
    key_arn = keys.key_arn(key, arn) if key else keys.service_key(arn)
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key_arn}


def throughput(given: Mapping[str, int] | None) -> dict[str, Any]:
    """Return the ProvisionedThroughput of a description; None is that of an on-demand table."""
    return {"NumberOfDecreasesToday": 0, **(given or _NO_THROUGHPUT)}


def index(given: Mapping[str, Any], arn: TableArn, *, with_status: bool) -> dict[str, Any]:
    """Return the description of a new index that is active."""
    description: dict[str, Any] = {
        "IndexName": given["IndexName"],
        "KeySchema": given["KeySchema"],
        "Projection": _projection(given["Projection"]),
        "IndexArn": arn.index(given["IndexName"]),
    }
    if with_status:
        description["IndexStatus"] = "ACTIVE"
        description["ProvisionedThroughput"] = throughput(given.get("ProvisionedThroughput"))
        description.update(_capacity(given, on_demand=given.get("ProvisionedThroughput") is None))
    return description


def _projection(given: Mapping[str, Any]) -> dict[str, Any]:
    attributes = given.get("NonKeyAttributes")
    return {**given, **({} if attributes is None else {"NonKeyAttributes": sorted(attributes)})}


def _capacity(given: Mapping[str, Any], *, on_demand: bool) -> dict[str, Any]:
    """Return the warm throughput of a new table or index, and its limits where there are any."""
    limits = {name: units for name, units in (given.get("OnDemandThroughput") or {}).items() if units is not None}
    floor = capacity_rules.base({**given, "WarmThroughput": None}, on_demand=on_demand)
    return {
        **({"OnDemandThroughput": limits} if limits else {}),
        "WarmThroughput": capacity_rules.warmed(given.get("WarmThroughput") or {}, floor),
    }


def creating(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to the request that creates a table.

    Of warm throughput it only tells what was asked for of the table; of the billing mode not when it was chosen.
    """
    answer = described(table, {}, "CREATING")
    if request.get("WarmThroughput"):
        answer["WarmThroughput"] = {**answer["WarmThroughput"], "Status": "UPDATING"}
    else:
        del answer["WarmThroughput"]
    if "BillingModeSummary" in answer:
        answer["BillingModeSummary"] = {"BillingMode": answer["BillingModeSummary"]["BillingMode"]}
    for member, _ in INDEX_MEMBERS:
        if member in answer:
            answer[member] = [without(index, "WarmThroughput") for index in answer[member]]
    return answer


def without(description: Mapping[str, Any], *members: str) -> dict[str, Any]:
    """Return a description without some of its members."""
    return {name: value for name, value in description.items() if name not in members}


def today(description: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Return a table's description at a time: decreases of throughput are counted from midnight UTC."""
    shown = _today(description, now_ms)
    if "GlobalSecondaryIndexes" in shown:
        shown["GlobalSecondaryIndexes"] = [_today(index, now_ms) for index in shown["GlobalSecondaryIndexes"]]
    return shown


def _today(described_: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    units = described_["ProvisionedThroughput"]
    last = units.get("LastDecreaseDateTime")
    if last is None or int(last) // _DAY_SECONDS == now_ms // 1000 // _DAY_SECONDS:
        return dict(described_)
    return {**described_, "ProvisionedThroughput": {**units, "NumberOfDecreasesToday": 0}}


def described(table: Table, estimates: Mapping[str | None, Estimate], status: str | None = None) -> dict[str, Any]:
    """Return the table's description with its counts; `status` replaces that of the table and its global indexes."""
    nothing = Estimate(rows=0, bytes=0)
    whole = estimates.get(None, nothing)
    description = _warmed({**table.description, "ItemCount": whole.rows, "TableSizeBytes": whole.bytes})
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
    return {**description, **replicas.shown(description)}


def _warmed(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description with warm throughput, which those written by earlier versions lack."""
    if "WarmThroughput" in description or "ProvisionedThroughput" not in description:
        return dict(description)
    on_demand = not description["ProvisionedThroughput"]["ReadCapacityUnits"]
    return {**description, "WarmThroughput": capacity_rules.raised(description, on_demand=on_demand)}


def _counted(index: Mapping[str, Any], estimate: Estimate, status: str | None) -> dict[str, Any]:
    counted = {**_warmed(index), "IndexSizeBytes": estimate.bytes, "ItemCount": estimate.rows}
    if status is not None:
        counted["IndexStatus"] = status
    return counted
