"""What table a restore makes: the source's key schema, indexes and capacity, with overrides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import ServiceError, invalid_request
from extenddb.engine.tables import describe, rules, vectors
from extenddb.engine.tables.vector_definitions import MEMBER

_INDEXES = (
    ("LocalSecondaryIndexes", "LocalSecondaryIndexOverride"),
    ("GlobalSecondaryIndexes", "GlobalSecondaryIndexOverride"),
)
_VECTOR_MEMBERS = ("IndexName", "VectorAttribute", "SearchSchema", "Projection", "Dimensions", "DistanceFunction")
_CAPACITY = ("OnDemandThroughput",)
_LIMITS = ("MaxReadRequestUnits", "MaxWriteRequestUnits")


def restored(
    source: Mapping[str, Any], request: Mapping[str, Any], *, arn: TableArn, table_id: str, now_ms: int
) -> dict[str, Any]:
    """Return the description of the restored table, from the source's description and the request's overrides.

    Streams, expiry, tags, protection, recovery and the table class are not restored (developer guide, Restoring a
    table; public reports). Raises ValidationException for overrides that do not fit.
    """
    _check_overrides(source, request)
    create = _create_request(source, request)
    vectors.check_create(create)
    rules.check_create(create)
    return describe.created(create, arn=arn, table_id=table_id, created_ms=now_ms)


def summary(*, source_arn: str, backup_arn: str | None, moment_ms: int) -> dict[str, Any]:
    """Return the RestoreSummary of a table that is being restored."""
    found = {"SourceTableArn": source_arn, "RestoreDateTime": moment_ms / 1000, "RestoreInProgress": True}
    return found if backup_arn is None else {"SourceBackupArn": backup_arn, **found}


def _billing(source: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Return the billing mode of the restored table."""
    kept = source.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    return str(request.get("BillingModeOverride") or kept)


def _check_overrides(source: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """Check that what is overridden goes with the billing mode."""
    override, units = request.get("BillingModeOverride"), request.get("ProvisionedThroughputOverride")
    on_demand = rules.is_on_demand(_billing(source, request))
    if on_demand and units is not None:
        if override is None:
            raise invalid_request("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED")
        raise invalid_request("Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST")
    if override == "PROVISIONED" and units is None:
        raise invalid_request("Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED")
    limits = request.get("OnDemandThroughputOverride") or {}
    for name in _LIMITS:
        if limits.get(name) is None:
            continue
        if not on_demand:
            raise invalid_request(
                f"Cannot override {name} for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST"
            )
        if limits[name] < 1:
            raise invalid_request(f"Requested {name} for OnDemandThroughput is outside of valid range")


def _create_request(source: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    billing = _billing(source, request)
    on_demand = rules.is_on_demand(billing)
    create: dict[str, Any] = {"KeySchema": source["KeySchema"], "BillingMode": billing}
    if not on_demand:
        throughput = request.get("ProvisionedThroughputOverride") or _throughput(source)
        if throughput is not None:
            create["ProvisionedThroughput"] = throughput
    capacity = request.get("OnDemandThroughputOverride") or source.get("OnDemandThroughput")
    if capacity is not None and on_demand:
        create["OnDemandThroughput"] = capacity
    for member, override in _INDEXES:
        indexes = _indexes(source.get(member, ()), request.get(override), on_demand=on_demand)
        if indexes:
            create[member] = indexes
    chosen = _vector_indexes(source.get(MEMBER, ()), request.get("VectorIndexOverride"))
    if chosen:
        create[MEMBER] = chosen
    create["AttributeDefinitions"] = _definitions(source, create)
    create |= _encryption(source, request)
    return create


def _indexes(
    existing: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]] | None, *, on_demand: bool
) -> list[dict[str, Any]]:
    """Return the indexes of the restored table: those of the source, or the chosen ones, whose names may be others."""
    if wanted is None:
        return [_index(index, on_demand=on_demand) for index in existing]
    for index in wanted:
        _check_index(existing, index, on_demand=on_demand)
    return [dict(index) for index in wanted]


def _check_index(existing: Sequence[Mapping[str, Any]], index: Mapping[str, Any], *, on_demand: bool) -> None:
    if not any(_like(known, index) for known in existing):
        raise _no_match(index)
    if not any("IndexStatus" in known for known in existing):
        return
    units = index.get("ProvisionedThroughput")
    if on_demand and units is not None:
        raise invalid_request(
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index "
            f"{index['IndexName']}"
        )
    if not on_demand and units is None:
        raise _no_units(index)


def _like(known: Mapping[str, Any], index: Mapping[str, Any]) -> bool:
    """Tell whether an index has the keys and the projection of another, in whatever order the attributes stand."""
    projections = [
        {**each["Projection"], "NonKeyAttributes": sorted(each["Projection"].get("NonKeyAttributes") or ())}
        for each in (known, index)
    ]
    return bool(known["KeySchema"] == index["KeySchema"] and projections[0] == projections[1])


def _no_units(index: Mapping[str, Any]) -> ServiceError:
    return invalid_request(f"Must specify provisioned throughput for index {index['IndexName']}")


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
    return invalid_request(
        f"Index {index['IndexName']} does not match a secondary index that existed in the source table and cannot be "
        "created during the restore operation"
    )


def _index(index: Mapping[str, Any], *, on_demand: bool) -> dict[str, Any]:
    request = {member: index[member] for member in ("IndexName", "KeySchema", "Projection")}
    if "IndexStatus" not in index:
        return request
    if on_demand:
        return request | {member: index[member] for member in _CAPACITY if member in index}
    throughput = _throughput(index)
    if throughput is None:
        raise _no_units(index)
    return {**request, "ProvisionedThroughput": throughput}


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
