"""Replicas of a table (global tables of version 2019.11.21): settings of its description. Pure.

The tables of one deployment are not replicated between regions; what is asked for is checked, kept and described, and
a replica is active at once. A table's own region is not among its replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from extenddb.core.errors import resource_not_found, validation
from extenddb.engine.tables import rules

VERSION = "2019.11.21"
"""The GlobalTableVersion of these replicas."""
_KEPT = ("KMSMasterKeyId", "ProvisionedThroughputOverride", "OnDemandThroughputOverride")
_LOCAL = (
    "Cannot add, delete, or update the local region through ReplicaUpdates. "
    "Use CreateTable, DeleteTable, or UpdateTable as required."
)
_OF_A_GLOBAL_TABLE = ("Replicas", "GlobalTableVersion", "MultiRegionConsistency", "GlobalTableWitnesses")

Description = dict[str, Any]
Replica = Mapping[str, Any]


def creates(request: Mapping[str, Any]) -> bool:
    """Tell whether a request adds a replica."""
    return any(update.get("Create") is not None for update in request.get("ReplicaUpdates") or ())


def changed(description: Description, request: Mapping[str, Any], region: str, now_ms: int) -> Description:
    """Return a table's description after the parts of an UpdateTable request that concern replicas.

    Raises a ValidationException for what cannot be.
    """
    before = description.get("Replicas", [])
    replicas = _replicas(description, request.get("ReplicaUpdates") or (), region, now_ms)
    witnesses = _witnesses(description.get("GlobalTableWitnesses", []), request.get("GlobalTableWitnessUpdates") or ())
    asked = request.get("MultiRegionConsistency")
    if asked is not None and (before or not replicas):
        raise rules.invalid("MultiRegionConsistency can only be specified when the first replicas are added")
    rest = {name: value for name, value in description.items() if name not in _OF_A_GLOBAL_TABLE}
    if not replicas:
        if witnesses:
            raise rules.invalid("A witness can only be added to a table with replicas")
        return rest
    consistency = asked or description.get("MultiRegionConsistency", "EVENTUAL")
    _check_consistency(consistency, len(replicas), len(witnesses))
    return {
        **rest,
        "Replicas": replicas,
        "GlobalTableVersion": VERSION,
        "MultiRegionConsistency": consistency,
        **({"GlobalTableWitnesses": witnesses} if witnesses else {}),
    }


def _check_consistency(consistency: str, replicas: int, witnesses: int) -> None:
    """Strong consistency needs three places: two replicas, or one and a witness (API reference, UpdateTable)."""
    if consistency == "STRONG" and replicas + witnesses != 2:
        raise rules.invalid(
            "MultiRegionConsistency STRONG requires exactly two replicas, or one replica and one witness"
        )
    if consistency == "EVENTUAL" and witnesses:
        raise rules.invalid("A witness requires MultiRegionConsistency STRONG")


def _replicas(
    description: Description, updates: Sequence[Mapping[str, Any]], region: str, now_ms: int
) -> list[Replica]:
    replicas = {replica["RegionName"]: replica for replica in description.get("Replicas", ())}
    for update in updates:
        given = [(kind, update[kind]) for kind in _ACTIONS if update.get(kind) is not None]
        if len(given) != 1:
            raise rules.invalid(
                "One of ReplicationGroupUpdate.Create, ReplicationGroupUpdate.Update, ReplicationGroupUpdate.Delete, "
                "ReplicationGroupUpdate.Disassociate must not be null"
            )
        ((kind, body),) = given
        if body["RegionName"] == region:
            raise validation(_LOCAL)
        _ACTIONS[kind](replicas, body, description, now_ms)
    return list(replicas.values())


def _create(replicas: dict[str, Replica], body: Mapping[str, Any], description: Description, now_ms: int) -> None:
    if body["RegionName"] in replicas:
        raise validation(
            f"Failed to create a the new replica of table with name: '{description['TableName']}' because one or more "
            "replicas already existed as tables."
        )
    new = {"RegionName": body["RegionName"], "ReplicaStatus": "ACTIVE"}
    replicas[body["RegionName"]] = _with_overrides(new, body, description, now_ms)


def _update(replicas: dict[str, Replica], body: Mapping[str, Any], description: Description, now_ms: int) -> None:
    replicas[body["RegionName"]] = _with_overrides(_require(replicas, body), body, description, now_ms)


def _delete(replicas: dict[str, Replica], body: Mapping[str, Any], description: Description, now_ms: int) -> None:
    del replicas[_require(replicas, body)["RegionName"]]


def _disassociate(replicas: dict[str, Replica], body: Mapping[str, Any], description: Description, now_ms: int) -> None:
    if description.get("DisassociationProtectionEnabled"):
        raise validation("Replica cannot be disassociated as the table is protected against disassociation.")
    _delete(replicas, body, description, now_ms)


_ACTIONS: Mapping[str, Callable[[dict[str, Replica], Mapping[str, Any], Description, int], None]] = {
    "Create": _create,
    "Update": _update,
    "Delete": _delete,
    "Disassociate": _disassociate,
}


def _require(replicas: Mapping[str, Replica], body: Mapping[str, Any]) -> Replica:
    replica = replicas.get(body["RegionName"])
    if replica is None:
        raise validation(
            "Update global table operation failed because one or more replicas were not part of the global table."
        )
    return replica


def _with_overrides(replica: Replica, body: Mapping[str, Any], description: Description, now_ms: int) -> Replica:
    changed = {**replica, **{name: body[name] for name in _KEPT if body.get(name) is not None}}
    indexes = {index["IndexName"]: index for index in replica.get("GlobalSecondaryIndexes", ())}
    known = {index["IndexName"] for index in description.get("GlobalSecondaryIndexes", ())}
    for index in body.get("GlobalSecondaryIndexes") or ():
        if index["IndexName"] not in known:
            raise resource_not_found(f"Requested resource not found: Index: {index['IndexName']} not found")
        indexes[index["IndexName"]] = {**indexes.get(index["IndexName"], {}), **index}
    if indexes:
        changed["GlobalSecondaryIndexes"] = list(indexes.values())
    if body.get("TableClassOverride") is not None:
        changed["ReplicaTableClassSummary"] = {
            "TableClass": body["TableClassOverride"],
            "LastUpdateDateTime": now_ms / 1000,
        }
    return changed


def _witnesses(current: Sequence[Mapping[str, str]], updates: Sequence[Mapping[str, Any]]) -> list[Mapping[str, str]]:
    witnesses = {each["RegionName"]: each for each in current}
    for update in updates:
        create, delete = update.get("Create"), update.get("Delete")
        if (create is None) == (delete is None):
            raise rules.invalid(
                "One of GlobalTableWitnessGroupUpdate.Create, GlobalTableWitnessGroupUpdate.Delete must not be null"
            )
        if create is not None:
            if witnesses:
                raise rules.invalid("A global table can have one witness only")
            witnesses[create["RegionName"]] = {"RegionName": create["RegionName"], "WitnessStatus": "ACTIVE"}
        elif delete is not None and witnesses.pop(delete["RegionName"], None) is None:
            raise rules.invalid(f"Region {delete['RegionName']} holds no witness of the global table")
    return list(witnesses.values())
