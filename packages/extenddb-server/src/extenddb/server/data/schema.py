"""Making one table like another: from the answer of DescribeTable to the request of CreateTable. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.server.data.errors import DataError

_INDEXES = ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
_ON_DEMAND = "PAY_PER_REQUEST"


def create_request(
    description: Mapping[str, Any], *, name: str, tags: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """Return the CreateTable request for a table like the one described.

    Keys, indexes, billing, stream, class, protection and tags are the same. Encryption is not taken over: its keys
    belong to the account. Tags that the service itself made are left out.
    """
    request: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": list(description["AttributeDefinitions"]),
        "KeySchema": list(description["KeySchema"]),
        **_billing(description),
    }
    on_demand = request["BillingMode"] == _ON_DEMAND
    for member in _INDEXES:
        if description.get(member):
            request[member] = [_index(each, provisioned=not on_demand and "Global" in member) for each in
                               description[member]]  # fmt: skip
    if (description.get("StreamSpecification") or {}).get("StreamEnabled"):
        request["StreamSpecification"] = dict(description["StreamSpecification"])
    table_class = (description.get("TableClassSummary") or {}).get("TableClass")
    if table_class:
        request["TableClass"] = table_class
    if description.get("DeletionProtectionEnabled"):
        request["DeletionProtectionEnabled"] = True
    own = [dict(tag) for tag in tags if not tag["Key"].startswith("aws:")]
    if own:
        request["Tags"] = own
    return request


def _billing(description: Mapping[str, Any]) -> dict[str, Any]:
    units = _units(description)
    mode = (description.get("BillingModeSummary") or description).get("BillingMode")
    if mode == _ON_DEMAND or (mode is None and units is None):
        billing: dict[str, Any] = {"BillingMode": _ON_DEMAND}
        if description.get("OnDemandThroughput"):
            billing["OnDemandThroughput"] = dict(description["OnDemandThroughput"])
        return billing
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units or _one_unit()}


def _units(description: Mapping[str, Any]) -> dict[str, int] | None:
    """Return provisioned units without what only answers have; None where there are none."""
    given = description.get("ProvisionedThroughput") or {}
    units = {name: given.get(name) or 0 for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    return units if all(units.values()) else None


def _one_unit() -> dict[str, int]:
    return {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


def _index(index: Mapping[str, Any], *, provisioned: bool) -> dict[str, Any]:
    request = {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
    if provisioned:
        request["ProvisionedThroughput"] = _units(index) or _one_unit()
    elif index.get("OnDemandThroughput"):
        request["OnDemandThroughput"] = dict(index["OnDemandThroughput"])
    return request


def keys(description: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and type of each key attribute of a table, the partition key first."""
    types = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    ordered = sorted(description["KeySchema"], key=lambda each: each["KeyType"] != "HASH")
    return [(each["AttributeName"], types[each["AttributeName"]]) for each in ordered]


def check_same_keys(source: Mapping[str, Any], target: Mapping[str, Any], *, at: str) -> None:
    """Raise DataError if items of one table cannot be those of another; `at` is where the target is."""
    here, there = keys(source), keys(target)
    if here != there:
        raise DataError(
            f"The table {target['TableName']} at {at} has the key {_shown(there)},"
            f" but the key of what is to be written is {_shown(here)}."
        )


def _shown(key: list[tuple[str, str]]) -> str:
    return " + ".join(f"{name} ({kind})" for name, kind in key)


def identity(description: Mapping[str, Any]) -> str:
    """Return what tells this table from any other, also from one of the same name made later."""
    return str(description.get("TableId") or description["TableArn"])


def view(description: Mapping[str, Any]) -> str:
    """Return the view type of a table's stream; empty while it has none."""
    specification = description.get("StreamSpecification") or {}
    return str(specification.get("StreamViewType", "")) if specification.get("StreamEnabled") else ""
