"""Which replicas and witnesses UpdateTable may be asked for, in the service's words. Pure.

A global table with eventual consistency takes one new or removed replica at a time. One with strong consistency is
made whole, of three regions, and is dissolved whole. Public reports of the service's answers are the source of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.engine.tables import rules

Updates = Sequence[Mapping[str, Any]]

_KINDS = ("Create", "Update", "Delete", "Disassociate")
_LOCAL = (
    "Cannot add or delete the local region through ReplicaUpdates. "
    "Use CreateTable, DeleteTable, or UpdateTable as required."
)
_STRONG = "for global tables with MultiRegionConsistency set to STRONG"
_NOTHING = "There are no actions specified in the Replica Update Action of the request."
_OVERRIDES = (
    "KMSMasterKeyId",
    "ProvisionedThroughputOverride",
    "OnDemandThroughputOverride",
    "TableClassOverride",
)
_INDEX_OVERRIDES = ("ProvisionedThroughputOverride", "OnDemandThroughputOverride")


def replica_actions(request: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the kind and the body of each of a request's ReplicaUpdates; twice the same is once."""
    actions: list[tuple[str, Mapping[str, Any]]] = []
    for update in request.get("ReplicaUpdates") or ():
        for kind in _KINDS:
            if update.get(kind) is not None and (kind, update[kind]) not in actions:
                actions.append((kind, update[kind]))
    return actions


def check_request(request: Mapping[str, Any], region: str) -> None:
    """Raise a ValidationException for updates that no table could follow; `region` is the table's own."""
    updates = request.get("ReplicaUpdates") or ()
    actions = replica_actions(request)
    if any("RegionName" not in body for _, body in actions):
        raise validation("One or more parameter values were invalid")
    if not all(_asks(update) for update in updates):
        raise validation(_NOTHING)
    kinds = {kind for kind, _ in actions}
    if len(kinds) > 1:
        raise validation("Update table operation with more than one type of replica actions not allowed.")
    consistency = request.get("MultiRegionConsistency")
    if consistency is not None and kinds - {"Create"}:
        raise validation("Only Replica Create actions are supported when MultiRegionConsistency parameter is provided.")
    if any(body["RegionName"] == region for _, body in actions):
        raise validation(_LOCAL)
    _check_witness(request, actions, region)


def _asks(update: Mapping[str, Any]) -> bool:
    change = update.get("Update")
    if change is None:
        return any(update.get(kind) is not None for kind in _KINDS)
    indexes = change.get("GlobalSecondaryIndexes") or ()
    of_indexes = any(index.get(name) is not None for index in indexes for name in _INDEX_OVERRIDES)
    return of_indexes or any(change.get(name) is not None for name in _OVERRIDES)


def _check_witness(request: Mapping[str, Any], actions: Sequence[tuple[str, Any]], region: str) -> None:
    for update in request.get("GlobalTableWitnessUpdates") or ():
        witness = update.get("Create")
        if witness is None:
            continue
        if request.get("MultiRegionConsistency") != "STRONG":
            raise validation(
                "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present."
            )
        if any(body["RegionName"] == witness["RegionName"] for _, body in actions):
            raise validation("Cannot target multiple regions with the same action")
        if witness["RegionName"] == region:
            raise validation(
                "Cannot add a witness in the same region as an existing replica when creating a global table with "
                "MultiRegionConsistency set to STRONG."
            )


def check_group(request: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    """Raise a ValidationException for updates that the table's group of replicas cannot follow."""
    actions = replica_actions(request)
    kinds = [kind for kind, _ in actions if kind != "Update"]
    consistency = request.get("MultiRegionConsistency")
    witnesses = request.get("GlobalTableWitnessUpdates") or ()
    if consistency == "STRONG" and len(kinds) + len(witnesses) != 2:
        raise validation(f"Unsupported replica count {_STRONG}.")
    if consistency is not None and description.get("Replicas"):
        raise validation("MultiRegionConsistency parameter is unsupported on existing global table")
    if description.get("MultiRegionConsistency") == "STRONG":
        _check_strong(actions, witnesses, description)
    elif consistency != "STRONG" and len(kinds) > 1:
        raise validation("Update table operation with more than one create or delete replica actions not allowed")


def _check_strong(
    actions: Sequence[tuple[str, Mapping[str, Any]]], witnesses: Updates, description: Mapping[str, Any]
) -> None:
    if any(kind == "Create" for kind, _ in actions):
        raise validation("Cannot add replicas to a global table with strong MultiRegionConsistency")
    deleted = {body["RegionName"] for kind, body in actions if kind == "Delete"}
    if not deleted:
        return
    there = {each["RegionName"] for each in description.get("GlobalTableWitnesses", ())}
    gone = {update["Delete"]["RegionName"] for update in witnesses if update.get("Delete") is not None}
    if gone - there:
        raise validation(
            "Update global table operation failed because one or more witnesses were not part of the global table. "
            f"Please retry the request without these witnesses: [{', '.join(sorted(gone - there))}]."
        )
    if there - gone:
        raise validation("Update table delete operation does not include all witnesses.")
    if deleted < {replica["RegionName"] for replica in description["Replicas"]}:
        raise only_one_of_strong()


def only_one_of_strong() -> ServiceError:
    """Return the error for taking one region from a table with strong consistency."""
    return validation(f"Deletion of only one table replica is not supported {_STRONG}.")


def check_key(key: str | None, kind: str, current: str | None, service_key: str) -> None:
    """Raise a ValidationException if a replica's key does not go with the table's.

    `current` is the ARN of the table's key, None if the table is encrypted by default, and `service_key` that of the
    service's own in the table's region.
    """
    own = current is not None and current != service_key
    useless = key is not None and (current is None or kind == "Update")
    missing = key is None and own and kind == "Create"
    if useless or missing:
        raise rules.invalid("KMSMasterKeyId must be specified for each replica.")
    if key is not None and own == key.endswith("alias/aws/dynamodb"):
        raise rules.invalid("All replica keys must either be Customer Managed CMK or AWS Managed CMK.")
