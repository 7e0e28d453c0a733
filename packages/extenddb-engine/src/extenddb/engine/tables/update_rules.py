"""What UpdateTable refuses whatever the table is, in the service's words. Pure.

A request changes one thing at a time. Few members go together: billing mode with capacity, on-demand limits, a stream
or an index; updates of several indexes; the parts of a global table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.engine.tables import capacity_rules, rules

Request = Mapping[str, Any]

_GLOBAL_UPDATES = "GlobalSecondaryIndexUpdates"
_ALONE: tuple[tuple[str, str], ...] = (
    ("SSESpecification", "Server-Side Encryption modification"),
    ("TableClass", "TableClass modification"),
    ("DeletionProtectionEnabled", "DeletionProtection modification"),
    ("WarmThroughput", "WarmThroughput"),
)
"""Members that stand alone, and how they are named; the first of several is told."""
_OF_REPLICAS = frozenset(("ReplicaUpdates", "DisassociationProtectionEnabled", "GlobalTableSettingsReplicationMode"))
_NO_OPERATION = frozenset(("TableName", "AttributeDefinitions", "MultiRegionConsistency", "GlobalTableWitnessUpdates"))
"""Members that ask for nothing without another."""
_MAY_BE_EMPTY = ("WarmThroughput", "OnDemandThroughput")
_ASKED_FOR = (
    "ProvisionedThroughput",
    "BillingMode",
    "UpdateStreamEnabled",
    _GLOBAL_UPDATES,
    "SSESpecification",
    "ReplicaUpdates",
    "MultiAccountReplicaReady",
    "ReplicaTransitRoleArn",
    "MultiRegionConsistency",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
)
_ACTIONS = ("Update", "Create", "Delete")


def cleaned(request: Request) -> dict[str, Any]:
    """Return a request without the members that ask for nothing."""
    return {
        name: value for name, value in request.items() if value is not None and (value or name not in _MAY_BE_EMPTY)
    }


def check(request: Request) -> None:
    """Raise a ValidationException for a cleaned request that no table could follow."""
    rules.check_class(request.get("TableClass"))
    given = {name for name in request if name not in _NO_OPERATION}
    if not given or (given == {_GLOBAL_UPDATES} and not request[_GLOBAL_UPDATES]):
        raise _nothing(request)
    if request.get(_GLOBAL_UPDATES) == []:
        raise rules.invalid(f"List of {_GLOBAL_UPDATES} is empty")
    actions = list(_actions(request.get(_GLOBAL_UPDATES) or ()))
    _check_replicas(request, given)
    _check_alone(given, actions)
    _check_together(request, given, actions)
    _check_capacity(request)
    _check_stream(request.get("StreamSpecification"))
    capacity_rules.check_encryption(request.get("SSESpecification"))


def _nothing(request: Request) -> ServiceError:
    names = ", ".join(name for name in _ASKED_FOR if not request.get(name))
    return validation(f"At least one of {names} or TableClass is required")


def _actions(updates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the kind of each index update. Raises a ValidationException for entries that cannot be."""
    seen: set[str] = set()
    for update in updates:
        kinds = [kind for kind in _ACTIONS if update.get(kind) is not None]
        if not kinds:
            raise rules.invalid(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        if len(kinds) > 1:
            raise rules.invalid(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"
            )
        body = update[kinds[0]]
        name = body["IndexName"]
        if name in seen:
            raise rules.invalid(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
        seen.add(name)
        if body.get("WarmThroughput") == {} and kinds[0] == "Update":
            raise rules.invalid(
                "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for "
                f"index: {name}"
            )
        yield kinds[0]


def _check_alone(given: set[str], actions: Sequence[str]) -> None:
    if given == {"WarmThroughput", _GLOBAL_UPDATES}:
        if "Create" in actions:
            raise rules.invalid("Create global secondary index cannot be specified when updating WarmThroughput")
        if "Delete" not in actions:
            return
    for member, what in _ALONE:
        if member in given and given != {member}:
            raise rules.invalid(f"{what} must be the only operation in the request")


def _check_replicas(request: Request, given: set[str]) -> None:
    """Refuse changes beside those of replicas, and a way of settings that only the service chooses."""
    if request.get("GlobalTableSettingsReplicationMode") == "ENABLED_WITH_OVERRIDES":
        raise validation(
            "Value 'ENABLED_WITH_OVERRIDES' at 'GlobalTableSettingsReplicationMode' failed to satisfy constraint: Only "
            "ENABLED and DISABLED settings replication are supported for a Regional Table."
        )
    if "ReplicaUpdates" not in given or given <= _OF_REPLICAS:
        return
    if request.keys() & {"MultiRegionConsistency", "GlobalTableWitnessUpdates"}:
        raise rules.invalid("Requests that modify replicas or witnesses must not also modify other fields")
    raise rules.invalid("Replica modification must be the only operation in the request")


def _check_together(request: Request, given: set[str], actions: Sequence[str]) -> None:
    if "OnDemandThroughput" in given and not given <= {"OnDemandThroughput", "BillingMode"}:
        raise rules.invalid("OnDemandThroughput can only be combined with BillingMode in an UpdateTable request")
    units = "ProvisionedThroughput" in given
    built = "Create" in actions or "Delete" in actions
    if "StreamSpecification" in given and (units or request.get("BillingMode") == "PROVISIONED"):
        raise rules.invalid("You cannot modify stream status while updating table IOPS")
    if built and units:
        raise rules.invalid("You cannot create or delete index while updating table IOPS")
    if built and "StreamSpecification" in given:
        raise rules.invalid("You cannot create or delete index while changing stream status")


def _check_capacity(request: Request) -> None:
    mode, throughput = request.get("BillingMode"), request.get("ProvisionedThroughput")
    if mode == "PROVISIONED" and throughput is None:
        raise rules.invalid("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
    if mode == "PAY_PER_REQUEST" and throughput is not None:
        raise rules.invalid("ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST")


def _check_stream(specification: Mapping[str, Any] | None) -> None:
    if specification is None:
        return
    view = specification.get("StreamViewType")
    if specification["StreamEnabled"] and view is None:
        raise rules.invalid("If stream is being enabled then UpdateViewType is required")
    if not specification["StreamEnabled"] and view is not None:
        raise rules.invalid("If stream is being disabled, then UpdateViewType must not be specified")
