"""What on-demand limits, warm throughput and encryption may be asked for, in the service's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.limits import ON_DEMAND_WARM_READS, ON_DEMAND_WARM_WRITES
from extenddb.engine.tables import rules

_NO_LIMIT = -1
_ON_DEMAND = ("MaxReadRequestUnits", "MaxWriteRequestUnits")
_WARM = ("ReadUnitsPerSecond", "WriteUnitsPerSecond")


def check_created(request: Mapping[str, Any]) -> None:
    """Check these members of a CreateTable request, for the table and its global indexes."""
    on_demand = rules.is_on_demand(request.get("BillingMode"))
    check_on_demand(request.get("OnDemandThroughput"), on_demand=on_demand)
    check_warm(request.get("WarmThroughput"), base(request, on_demand=on_demand), "table")
    for index in request.get("GlobalSecondaryIndexes") or ():
        check_index(index, on_demand=on_demand)
    check_encryption(request.get("SSESpecification"))


def check_index(index: Mapping[str, Any], *, on_demand: bool) -> None:
    """Check these members of a new global index."""
    check_on_demand(index.get("OnDemandThroughput"), on_demand=on_demand)
    check_warm(index.get("WarmThroughput"), base(index, on_demand=on_demand), f"index: {index['IndexName']}")


def base(described: Mapping[str, Any], *, on_demand: bool) -> dict[str, int]:
    """Return the warm throughput that a table or an index has without asking for any."""
    if described.get("WarmThroughput") and "Status" in described["WarmThroughput"]:
        return {name: described["WarmThroughput"][name] for name in _WARM}
    if on_demand:
        return dict(zip(_WARM, (ON_DEMAND_WARM_READS, ON_DEMAND_WARM_WRITES), strict=True))
    throughput = described.get("ProvisionedThroughput") or {}
    units = (throughput.get("ReadCapacityUnits", 1), throughput.get("WriteCapacityUnits", 1))
    return dict(zip(_WARM, units, strict=True))


def check_warm(warm: Mapping[str, int] | None, floor: Mapping[str, int], what: str) -> None:
    """Check that warm throughput is given, and not lowered."""
    if warm is None:
        return
    if all(warm.get(name) is None for name in _WARM):
        raise rules.invalid(f"At least one of {' and '.join(_WARM)} must be specified for WarmThroughput for {what}")
    for name in _WARM:
        units = warm.get(name)
        if units is not None and units < floor[name]:
            raise rules.invalid(
                f"Requested {name} for WarmThroughput for {what} is lower than current WarmThroughput, "
                "decreasing WarmThroughput is not supported"
            )


def warmed(warm: Mapping[str, int], floor: Mapping[str, int]) -> dict[str, Any]:
    """Return the WarmThroughput of a description."""
    given = {name: warm[name] for name in _WARM if warm.get(name) is not None}
    return {**floor, **given, "Status": "ACTIVE"}


def check_on_demand(throughput: Mapping[str, int] | None, *, on_demand: bool) -> None:
    """Check limits of on-demand throughput; -1 lifts one."""
    if throughput is None:
        return
    if not on_demand:
        raise rules.invalid(
            "Neither MaxReadRequestUnits nor MaxWriteRequestUnits can be specified when BillingMode is PROVISIONED"
        )
    for name in _ON_DEMAND:
        units = throughput.get(name)
        if units is not None and units < 1 and units != _NO_LIMIT:
            raise rules.invalid(f"{name} must be at least 1, or {_NO_LIMIT} for no limit: {units}")


def check_encryption(specification: Mapping[str, Any] | None) -> None:
    """Check that a key is only given for encryption with one."""
    if specification is None:
        return
    enabled, kind = specification.get("Enabled"), specification.get("SSEType")
    if kind == "AES256" and enabled:
        raise rules.invalid("SSEType AES256 is not supported")
    if specification.get("KMSMasterKeyId") is not None and not enabled:
        raise rules.invalid("KMSMasterKeyId can be used only if SSE is enabled and SSEType is KMS")
