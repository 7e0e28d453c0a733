"""What UpdateTable answers: the table as it is while the change is under way. Pure.

Some changes show what was there before until they are done, some what will be, and only some make the table UPDATING.
Public reports of the service's answers are the source of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from extenddb.engine.tables import describe

Description = dict[str, Any]
_GLOBAL = "GlobalSecondaryIndexes"
_UNITS = ("ReadCapacityUnits", "WriteCapacityUnits", "NumberOfDecreasesToday")
_SWITCHED = "LastUpdateToPayPerRequestDateTime"
_AT_ONCE = frozenset(
    ("DeletionProtectionEnabled", "OnDemandThroughput", "SSESpecification", "WarmThroughput", "AttributeDefinitions")
)
"""Members whose changes leave the table ACTIVE; so do updates of indexes."""


def answer(before: Description, after: Description, request: Mapping[str, Any], now_ms: int) -> Description:
    """Return the TableDescription of an answer, from the descriptions before and after the change."""
    shown = dict(after)
    for member, show in _SHOWN:
        if member in request:
            show(shown, before, request, now_ms)
    updates = request.get("GlobalSecondaryIndexUpdates") or ()
    built = any(update.get("Create") or update.get("Delete") for update in updates)
    slow = request.keys() - _AT_ONCE - {"TableName", "GlobalSecondaryIndexUpdates"}
    shown["TableStatus"] = "UPDATING" if built or slow else before["TableStatus"]
    return shown


def _units(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    shown["WarmThroughput"] = before["WarmThroughput"]
    if _mode(shown) == _mode(before):
        shown["ProvisionedThroughput"] = _as_before(shown, before)


def _mode(description: Description) -> str:
    return str(description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"))


def _as_before(shown: Description, before: Description) -> Description:
    """Return throughput with the units it had; the times of its changes are new already."""
    old = before["ProvisionedThroughput"]
    return {**shown["ProvisionedThroughput"], **{name: old[name] for name in _UNITS}}


def _billing(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    shown["WarmThroughput"] = before["WarmThroughput"]
    if "BillingModeSummary" not in shown:
        return
    switched = before.get("BillingModeSummary", {}).get(_SWITCHED)
    shown["BillingModeSummary"] = {
        "BillingMode": _mode(shown),
        **({} if switched is None else {_SWITCHED: switched}),
    }
    if _mode(shown) == "PAY_PER_REQUEST" and _mode(before) != _mode(shown):
        shown["ProvisionedThroughput"] = {**shown["ProvisionedThroughput"], "LastDecreaseDateTime": now_ms / 1000}


def _warm(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    shown["WarmThroughput"] = {**before["WarmThroughput"], "Status": "UPDATING"}


def _limits(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    shown["OnDemandThroughput"] = {**before.get("OnDemandThroughput", {}), **request["OnDemandThroughput"]}


def _encryption(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    known = before.get("SSEDescription") or shown.get("SSEDescription")
    if known is not None:
        shown["SSEDescription"] = {**known, "Status": "UPDATING"}


def _class(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    shown.pop("TableClassSummary", None)
    if "TableClassSummary" in before:
        shown["TableClassSummary"] = before["TableClassSummary"]


def _replicas(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    for member in ("Replicas", "GlobalTableWitnesses"):
        shown.pop(member, None)
        if member in before:
            shown[member] = before[member]
    shown.setdefault("Replicas", [])
    if "GlobalTableVersion" in before:
        shown["GlobalTableVersion"] = before["GlobalTableVersion"]


def _indexes(shown: Description, before: Description, request: Mapping[str, Any], now_ms: int) -> None:
    """Show updated indexes as they were, new ones without a backfill, and deleted ones still there."""
    old = {index["IndexName"]: index for index in before.get(_GLOBAL, ())}
    new = {index["IndexName"]: index for index in shown.get(_GLOBAL, ())}
    switched = _mode(shown) != _mode(before)
    for update in request["GlobalSecondaryIndexUpdates"]:
        name = (update.get("Create") or update.get("Update") or update["Delete"])["IndexName"]
        if update.get("Create"):
            new[name] = {**new[name], "Backfilling": False}
        elif update.get("Delete"):
            old[name] = {**old[name], "IndexStatus": "DELETING"}
            shown["AttributeDefinitions"] = describe.sorted_definitions(_all_definitions(shown, before))
        else:
            new[name] = _updated(new[name], old[name], update["Update"], switched=switched)
    names = [*old, *(name for name in new if name not in old)]
    shown[_GLOBAL] = [new.get(name) or old[name] for name in names]


def _all_definitions(shown: Description, before: Description) -> list[Mapping[str, str]]:
    both = (*before["AttributeDefinitions"], *shown["AttributeDefinitions"])
    return list({each["AttributeName"]: each for each in both}.values())


def _updated(new: Description, old: Description, wanted: Mapping[str, Any], *, switched: bool) -> Description:
    shown = dict(new)
    if wanted.get("WarmThroughput"):
        shown["WarmThroughput"] = {**old["WarmThroughput"], "Status": "UPDATING"}
    if wanted.get("OnDemandThroughput"):
        shown["OnDemandThroughput"] = {**old.get("OnDemandThroughput", {}), **wanted["OnDemandThroughput"]}
        shown["IndexStatus"] = "UPDATING"
    if wanted.get("ProvisionedThroughput"):
        shown["IndexStatus"] = "UPDATING"
        if not switched:
            shown["ProvisionedThroughput"] = _as_before(new, old)
            shown["WarmThroughput"] = old["WarmThroughput"]
    return shown


_SHOWN: tuple[tuple[str, Callable[[Description, Description, Mapping[str, Any], int], None]], ...] = (
    ("ProvisionedThroughput", _units),
    ("BillingMode", _billing),
    ("WarmThroughput", _warm),
    ("OnDemandThroughput", _limits),
    ("SSESpecification", _encryption),
    ("TableClass", _class),
    ("ReplicaUpdates", _replicas),
    ("GlobalSecondaryIndexUpdates", _indexes),
)
