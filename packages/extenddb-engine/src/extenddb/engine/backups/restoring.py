"""What table a restore makes: the source's key schema, indexes and capacity, with overrides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import ServiceError, validation
from extenddb.engine.tables import describe, rules, vectors
from extenddb.engine.tables.vector_definitions import MEMBER

_INDEXES = (
    ("LocalSecondaryIndexes", "LocalSecondaryIndexOverride"),
    ("GlobalSecondaryIndexes", "GlobalSecondaryIndexOverride"),
)
_VECTOR_MEMBERS = ("IndexName", "VectorAttribute", "SearchSchema", "Projection", "Dimensions", "DistanceFunction")
_CAPACITY = ("OnDemandThroughput",)


def restored(
    source: Mapping[str, Any], request: Mapping[str, Any], *, arn: TableArn, table_id: str, now_ms: int
) -> dict[str, Any]:
    """Return the description of the restored table, from the source's description and the request's overrides.

    Streams, expiry, tags, protection and recovery are not restored (developer guide, Restoring a table). Raises
    ValidationException for overrides that do not fit.
    """
    create = _create_request(source, request)
    vectors.check_create(create)
    rules.check_create(create)
    return describe.created(create, arn=arn, table_id=table_id, created_ms=now_ms)


def summary(*, source_arn: str, backup_arn: str | None, moment_ms: int) -> dict[str, Any]:
    """Return the RestoreSummary of a table that is being restored."""
    found = {"SourceTableArn": source_arn, "RestoreDateTime": moment_ms / 1000, "RestoreInProgress": True}
    return found if backup_arn is None else {"SourceBackupArn": backup_arn, **found}


def _create_request(source: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    billing = request.get("BillingModeOverride") or source.get("BillingModeSummary", {}).get(
        "BillingMode", "PROVISIONED"
    )
    on_demand = rules.is_on_demand(billing)
    create: dict[str, Any] = {"KeySchema": source["KeySchema"], "BillingMode": billing}
    if not on_demand:
        throughput = request.get("ProvisionedThroughputOverride") or _throughput(source)
        if throughput is not None:
            create["ProvisionedThroughput"] = throughput
    elif request.get("ProvisionedThroughputOverride") is not None:
        create["ProvisionedThroughput"] = request["ProvisionedThroughputOverride"]
    capacity = request.get("OnDemandThroughputOverride") or source.get("OnDemandThroughput")
    if capacity is not None and on_demand:
        create["OnDemandThroughput"] = capacity
    for member, override in _INDEXES:
        indexes = _indexes(source.get(member, ()), request.get(override), on_demand=on_demand, create=create)
        if indexes:
            create[member] = indexes
    chosen = _vector_indexes(source.get(MEMBER, ()), request.get("VectorIndexOverride"))
    if chosen:
        create[MEMBER] = chosen
    create["AttributeDefinitions"] = _definitions(source, create)
    create |= _encryption(source, request)
    if "TableClassSummary" in source:
        create["TableClass"] = source["TableClassSummary"]["TableClass"]
    return create


def _indexes(
    existing: Sequence[Mapping[str, Any]],
    wanted: Sequence[Mapping[str, Any]] | None,
    *,
    on_demand: bool,
    create: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the indexes of the restored table: those of the source, or the chosen ones among them."""
    if wanted is None:
        return [_index(index, on_demand=on_demand, create=create) for index in existing]
    by_name = {index["IndexName"]: index for index in existing}
    for index in wanted:
        known = by_name.get(index["IndexName"])
        if known is None or any(known[member] != index[member] for member in ("KeySchema", "Projection")):
            raise _no_match(index)
    return [dict(index) for index in wanted]


def _vector_indexes(
    existing: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """Return the vector indexes of the restored table: those of the source, or the chosen ones among them."""
    known = {index["IndexName"]: {name: index[name] for name in _VECTOR_MEMBERS if name in index} for index in existing}
    if wanted is None:
        return list(known.values())
    for index in wanted:
        if known.get(index["IndexName"]) != {
            name: index[name] for name in _VECTOR_MEMBERS if index.get(name) is not None
        }:
            raise _no_match(index)
    return [dict(index) for index in wanted]


def _no_match(index: Mapping[str, Any]) -> ServiceError:
    return validation(
        "One or more parameter values were invalid: the index override "
        f"{index['IndexName']} does not match an index of the source table"
    )


def _index(index: Mapping[str, Any], *, on_demand: bool, create: Mapping[str, Any]) -> dict[str, Any]:
    request = {member: index[member] for member in ("IndexName", "KeySchema", "Projection")}
    if "IndexStatus" not in index:
        return request
    if on_demand:
        return request | {member: index[member] for member in _CAPACITY if member in index}
    throughput = _throughput(index) or create.get("ProvisionedThroughput")
    return request if throughput is None else {**request, "ProvisionedThroughput": throughput}


def _throughput(description: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the provisioned capacity of a table or index; None when it is on demand."""
    given = description.get("ProvisionedThroughput") or {}
    units = {member: given[member] for member in ("ReadCapacityUnits", "WriteCapacityUnits") if given.get(member)}
    return units if len(units) == 2 else None


def _definitions(source: Mapping[str, Any], create: Mapping[str, Any]) -> list[Mapping[str, str]]:
    schemas = [create, *(index for member, _ in _INDEXES for index in create.get(member, ()))]
    used = {element["AttributeName"] for schema in schemas for element in schema["KeySchema"]}
    for index in create.get(MEMBER, ()):
        used |= {element["AttributeName"] for element in index.get("SearchSchema") or ()}
    return [each for each in source["AttributeDefinitions"] if each["AttributeName"] in used]


def _encryption(source: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    wanted = request.get("SSESpecificationOverride")
    if wanted is not None:
        return {"SSESpecification": wanted}
    current = source.get("SSEDescription")
    if current is None:
        return {}
    return {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": current["KMSMasterKeyArn"]}}
