"""What capacity units, on-demand limits, warm throughput and encryption may be asked for, in the service's words. Pure.

The words differ between CreateTable and UpdateTable, and between a table and an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extenddb.core.errors import LIMIT_EXCEEDED, ServiceError
from extenddb.core.limits import ON_DEMAND_WARM_READS, ON_DEMAND_WARM_WRITES, TABLE_CAPACITY
from extenddb.engine.tables import rules

_NO_LIMIT = -1
_UNITS = ("ReadCapacityUnits", "WriteCapacityUnits")
_ON_DEMAND = ("MaxReadRequestUnits", "MaxWriteRequestUnits")
_WARM = ("ReadUnitsPerSecond", "WriteUnitsPerSecond")
_QUOTAS = ("TableMaxReadCapacityUnits", "TableMaxWriteCapacityUnits")
_INITIAL = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose capacity is asked for."""

    region: str
    """Region of the account, whose quotas are told."""
    on_demand: bool
    index: str | None = None
    """Name of the index; None for the table itself."""
    new: bool = False
    """Whether the table is being created."""

    @property
    def limits(self) -> str:
        """How the place is named beside on-demand limits."""
        return "table" if self.index is None else f"index : {self.index}"

    @property
    def warm(self) -> str:
        """How the place is named beside warm throughput."""
        return "table" if self.index is None else f"index {self.index}"


def check_created(request: Mapping[str, Any], region: str) -> None:
    """Check these members of a CreateTable request, for the table and its global indexes."""
    on_demand = rules.is_on_demand(request.get("BillingMode"))
    for described in (request, *(request.get("GlobalSecondaryIndexes") or ())):
        place = Place(region=region, on_demand=on_demand, index=described.get("IndexName"), new=True)
        check_place(described, place, base(described, on_demand=on_demand))
    check_encryption(request.get("SSESpecification"))


def check_place(described: Mapping[str, Any], place: Place, floor: Mapping[str, int]) -> None:
    """Check what is asked for a table or an index; `floor` is the warm throughput it has without asking."""
    check_units(described.get("ProvisionedThroughput"), place)
    check_on_demand(described.get("OnDemandThroughput"), place)
    check_warm(described.get("WarmThroughput"), floor, place)


def base(described: Mapping[str, Any], *, on_demand: bool) -> dict[str, int]:
    """Return the warm throughput that a table or an index has without asking for any."""
    if described.get("WarmThroughput") and "Status" in described["WarmThroughput"]:
        return {name: described["WarmThroughput"][name] for name in _WARM}
    if on_demand:
        return dict(zip(_WARM, (ON_DEMAND_WARM_READS, ON_DEMAND_WARM_WRITES), strict=True))
    throughput = described.get("ProvisionedThroughput") or {}
    return dict(zip(_WARM, (throughput.get(name, 1) for name in _UNITS), strict=True))


def raised(described: Mapping[str, Any], *, on_demand: bool) -> dict[str, Any]:
    """Return the WarmThroughput of a table or an index after its capacity changed: it never falls."""
    now = base({**described, "WarmThroughput": None}, on_demand=on_demand)
    before = base(described, on_demand=on_demand)
    return {**{name: max(now[name], before[name]) for name in _WARM}, "Status": "ACTIVE"}


def check_units(throughput: Mapping[str, int] | None, place: Place) -> None:
    """Raise a LimitExceededException for more capacity units than a table or an index can have."""
    for name in _UNITS:
        units = (throughput or {}).get(name, 0)
        if units > TABLE_CAPACITY:
            what = "table" if place.index is None else "index"
            of_index = "" if place.index is None else f" for index {place.index}"
            raise ServiceError(
                LIMIT_EXCEEDED,
                f"The requested {name}{of_index}, {units}, is above the per {what} maximum for the account in "
                f"{place.region}. Per {what} maximum: {TABLE_CAPACITY}. Refer to the Amazon DynamoDB Developer Guide "
                "for current limits and how to request higher limits.",
            )


def _check_quota(what: str, units: int, quota: str, place: Place) -> None:
    if units > TABLE_CAPACITY:
        raise ServiceError(
            LIMIT_EXCEEDED,
            f"Subscriber limit exceeded: Requested {what} exceeds {quota} of the account in region {place.region}",
        )


def check_warm(warm: Mapping[str, int] | None, floor: Mapping[str, int], place: Place) -> None:
    """Check that warm throughput is not lowered."""
    for name, units_name, quota in zip(_WARM, _UNITS, _QUOTAS, strict=True):
        units = (warm or {}).get(name)
        if units is None:
            continue
        what = f"{name} for WarmThroughput for {place.warm}"
        if units < floor[name]:
            raise rules.invalid(f"Requested {what} is lower than {_least(units_name, place)}")
        _check_quota(what, units, quota, place)


def _least(units: str, place: Place) -> str:
    if not place.new:
        return "current WarmThroughput, decreasing WarmThroughput is not supported"
    return (
        f"initial throughput for OnDemand. See: {_INITIAL}" if place.on_demand else f"{units} of ProvisionedThroughput"
    )


def warmed(warm: Mapping[str, int], floor: Mapping[str, int]) -> dict[str, Any]:
    """Return the WarmThroughput of a description."""
    given = {name: warm[name] for name in _WARM if warm.get(name) is not None}
    return {**floor, **given, "Status": "ACTIVE"}


def check_on_demand(throughput: Mapping[str, int] | None, place: Place) -> None:
    """Check limits of on-demand throughput; -1 lifts one, where there can be one already."""
    for name, quota in zip(_ON_DEMAND, _QUOTAS, strict=True):
        units = (throughput or {}).get(name)
        if units is None:
            continue
        if not place.on_demand:
            raise rules.invalid(_provisioned(name, place))
        what = f"{name} for OnDemandThroughput for {place.limits}"
        if units < 1 and (place.new or units != _NO_LIMIT):
            raise rules.invalid(f"Requested {what} is outside of valid range")
        _check_quota(what, units, quota, place)


def _provisioned(name: str, place: Place) -> str:
    if place.new:
        index = "" if place.index is None else f" for index: {place.index}"
        return f"{name} for OnDemandThroughput{index} cannot be specified when table BillingMode is PROVISIONED."
    index = "" if place.index is None else f" for {place.limits}"
    return f"{name} for OnDemandThroughput{index} cannot be specified when the table BillingMode is PROVISIONED"


def limited(current: Mapping[str, int] | None, wanted: Mapping[str, int]) -> dict[str, int]:
    """Return the OnDemandThroughput that stays after a change; empty when no limit is left."""
    merged = {**(current or {}), **{name: units for name, units in wanted.items() if units is not None}}
    return {name: units for name, units in merged.items() if units != _NO_LIMIT}


def encrypts(specification: Mapping[str, Any] | None) -> bool:
    """Tell whether a SSESpecification asks for encryption with a key; naming the type alone does."""
    if not specification:
        return False
    enabled = specification.get("Enabled")
    return specification.get("SSEType") is not None if enabled is None else bool(enabled)


def check_encryption(specification: Mapping[str, Any] | None) -> None:
    """Check that a type and a key are only given for encryption with one."""
    if specification is None:
        return
    kind, key = specification.get("SSEType"), specification.get("KMSMasterKeyId")
    if specification.get("Enabled") is False:
        for name, given in (("SSEType", kind), ("KMSMasterKeyId", key)):
            if given is not None:
                raise rules.invalid(f"{name} can not be specified if Enabled is false")
    if kind == "AES256":
        raise rules.invalid("SSEType AES256 is not supported")
    if key is not None and kind is None:
        raise rules.invalid("SSEType KMS is required if KMSMasterKeyId is specified")
