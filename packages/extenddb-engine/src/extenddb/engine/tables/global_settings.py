"""Settings of the replicas of a global table of version 2017.11.29. Pure.

Kept beside the auto scaling settings, by the same places (see `auto_scaling`), are provisioned units by place and
direction, the billing mode of all and the table class of each replica. What was never set is that of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from extenddb.core.errors import INDEX_NOT_FOUND, REPLICA_NOT_FOUND, ServiceError
from extenddb.engine.tables import auto_scaling, rules

_EVERYWHERE = ""


def updated(
    current: Mapping[str, Any],
    request: Mapping[str, Any],
    regions: Iterable[str],
    description: Mapping[str, Any],
    now_ms: int,
) -> dict[str, Any]:
    """Return the settings after an UpdateGlobalTableSettings request. Raises ServiceError."""
    settings: dict[str, Any] = {name: dict(current.get(name, {})) for name in ("Units", "Scaling", "Class", "Billing")}
    _check_places(request, set(regions), description)
    mode = request.get("GlobalTableBillingMode")
    if mode is not None:
        settings["Billing"] = {
            "BillingMode": mode,
            **({"LastUpdateToPayPerRequestDateTime": now_ms / 1000} if rules.is_on_demand(mode) else {}),
        }
    account = description["TableArn"].split(":")[4]
    table = description["TableName"]
    for place, direction, units, scaling in _changes(request):
        if units is not None:
            settings["Units"][f"{place}/{direction}"] = units
        if scaling is not None:
            index = place.partition("/")[2]
            name = f"{table}/index/{index}" if index else table
            settings["Scaling"][place] = auto_scaling.one(scaling, name=name, direction=direction, account=account)
    for replica in request.get("ReplicaSettingsUpdate") or ():
        if replica.get("ReplicaTableClass") is not None:
            settings["Class"][replica["RegionName"]] = {
                "TableClass": replica["ReplicaTableClass"],
                "LastUpdateDateTime": now_ms / 1000,
            }
    return settings


def _changes(request: Mapping[str, Any]) -> Iterator[tuple[str, str, int | None, Mapping[str, Any] | None]]:
    """Yield place, direction, units and scaling update of every part of a request."""
    yield (
        f"{_EVERYWHERE}/",
        "Write",
        request.get("GlobalTableProvisionedWriteCapacityUnits"),
        request.get("GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate"),
    )
    for index in request.get("GlobalTableGlobalSecondaryIndexSettingsUpdate") or ():
        yield (
            f"{_EVERYWHERE}/{index['IndexName']}",
            "Write",
            index.get("ProvisionedWriteCapacityUnits"),
            index.get("ProvisionedWriteCapacityAutoScalingSettingsUpdate"),
        )
    for replica in request.get("ReplicaSettingsUpdate") or ():
        region = replica["RegionName"]
        yield (
            f"{region}/",
            "Read",
            replica.get("ReplicaProvisionedReadCapacityUnits"),
            replica.get("ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate"),
        )
        for index in replica.get("ReplicaGlobalSecondaryIndexSettingsUpdate") or ():
            yield (
                f"{region}/{index['IndexName']}",
                "Read",
                index.get("ProvisionedReadCapacityUnits"),
                index.get("ProvisionedReadCapacityAutoScalingSettingsUpdate"),
            )


def _check_places(request: Mapping[str, Any], regions: set[str], description: Mapping[str, Any]) -> None:
    indexes = {"", *(index["IndexName"] for index in description.get("GlobalSecondaryIndexes", ()))}
    for place, *_ in _changes(request):
        region, _, index = place.partition("/")
        if region and region not in regions:
            raise replica_not_found(region)
        if index not in indexes:
            raise ServiceError(INDEX_NOT_FOUND, f"Index '{index}' of the global table does not exist.")


def replica_not_found(region: str) -> ServiceError:
    """Return the error for a region in which a global table has no replica."""
    return ServiceError(
        REPLICA_NOT_FOUND,
        "Update global table operation failed because one or more replicas were not part of the global table. "
        f"Replica: '{region}'.",
    )


def described(settings: Mapping[str, Any], region: str, description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one replica, whose table has this description."""
    answer: dict[str, Any] = {
        "RegionName": region,
        "ReplicaStatus": "ACTIVE",
        **_capacity(settings, region, "", description["ProvisionedThroughput"], "Replica"),
    }
    billing = settings.get("Billing") or description.get("BillingModeSummary")
    if billing:
        answer["ReplicaBillingModeSummary"] = billing
    table_class = settings.get("Class", {}).get(region) or description.get("TableClassSummary")
    if table_class:
        answer["ReplicaTableClassSummary"] = table_class
    indexes = [
        {
            "IndexName": index["IndexName"],
            "IndexStatus": index["IndexStatus"],
            **_capacity(settings, region, index["IndexName"], index["ProvisionedThroughput"], ""),
        }
        for index in description.get("GlobalSecondaryIndexes", ())
    ]
    if indexes:
        answer["ReplicaGlobalSecondaryIndexSettings"] = indexes
    return answer


def _capacity(
    settings: Mapping[str, Any], region: str, index: str, throughput: Mapping[str, int], prefix: str
) -> dict[str, Any]:
    units, scaling = settings.get("Units", {}), settings.get("Scaling", {})
    return {
        f"{prefix}ProvisionedReadCapacityUnits": units.get(f"{region}/{index}/Read", throughput["ReadCapacityUnits"]),
        f"{prefix}ProvisionedReadCapacityAutoScalingSettings": auto_scaling.found(scaling, region, index),
        f"{prefix}ProvisionedWriteCapacityUnits": units.get(
            f"{_EVERYWHERE}/{index}/Write", throughput["WriteCapacityUnits"]
        ),
        f"{prefix}ProvisionedWriteCapacityAutoScalingSettings": auto_scaling.found(scaling, _EVERYWHERE, index),
    }
