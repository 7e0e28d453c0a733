"""What UpdateTable makes of a table. Pure: from the current table and the request to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import LIMIT_EXCEEDED, ServiceError, resource_not_found, validation
from extenddb.core.limits import GLOBAL_INDEXES
from extenddb.engine.streams import registry
from extenddb.engine.streams.registry import Stream
from extenddb.engine.tables import capacity_rules, describe, replicas, rules, vector_definitions, vectors, waits
from extenddb.engine.tables.capacity_rules import Place
from extenddb.engine.tables.table import Table

_ONE_INDEX = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
_GLOBAL = "GlobalSecondaryIndexes"
_UNITS = ("ReadCapacityUnits", "WriteCapacityUnits")


class Draft:
    """A table's document being edited."""

    def __init__(
        self, table: Table, request: Mapping[str, Any], now_ms: int, stream: Stream | None, *, strict: bool
    ) -> None:
        self.table = table
        self.strict = strict
        self.request = request
        self.now = now_ms
        self.description = dict(table.description)
        self.index_ids = dict(table.index_ids)
        self.settings = dict(table.settings)
        self.stream = stream
        definitions = (*(request.get("AttributeDefinitions") or ()), *table.description["AttributeDefinitions"])
        self.types = {each["AttributeName"]: each["AttributeType"] for each in definitions}
        """Types of the attributes that new indexes may use; those the table has keep theirs."""

    @property
    def arn(self) -> TableArn:
        """The table's ARN."""
        return self.table.arn

    @property
    def on_demand(self) -> bool:
        """Whether the table is on demand, as far as it has been edited."""
        return rules.is_on_demand(self.description.get("BillingModeSummary", {}).get("BillingMode"))

    def place(self, index: str | None = None) -> Place:
        """Return whose capacity is meant: the table's or an index's."""
        return Place(region=self.arn.region, on_demand=self.on_demand, index=index)

    def result(self) -> Table:
        """Return the table as edited."""
        self._settle_definitions()
        return self.table.edited(description=self.description, index_ids=self.index_ids, settings=self.settings)

    def _settle_definitions(self) -> None:
        """Keep the definitions of the attributes that are keys: unused ones are no mistake here."""
        members = ("LocalSecondaryIndexes", _GLOBAL)
        schemas = [self.description, *(index for member in members for index in self.description.get(member, ()))]
        used = {element["AttributeName"] for schema in schemas for element in schema["KeySchema"]}
        used |= vector_definitions.used_names(self.description)
        self.description["AttributeDefinitions"] = [
            {"AttributeName": name, "AttributeType": self.types[name]} for name in sorted(used)
        ]


def updated(
    table: Table, request: Mapping[str, Any], now_ms: int, stream: Stream | None, *, strict: bool = False
) -> Table:
    """Return the table that a request makes of another; `stream` is the one to enable, if one is asked for.

    `strict` is `EngineSettings.strict_waits`. Raises ServiceError.
    """
    draft = Draft(table, request, now_ms, stream, strict=strict)
    done: set[Callable[[Draft], None]] = set()
    for member, edit in _EDITS:
        if request.get(member) is not None and edit not in done:
            done.add(edit)
            edit(draft)
    return draft.result()


def _billing_mode(draft: Draft) -> None:
    mode = draft.request["BillingMode"]
    current = draft.description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if current == mode:
        return
    if mode == "PAY_PER_REQUEST":
        draft.description["BillingModeSummary"] = {
            "BillingMode": mode,
            "LastUpdateToPayPerRequestDateTime": draft.now / 1000,
        }
        draft.description = _metered(draft.description)
        _each_index(draft, lambda index: _metered(_decreased(index, draft.now)))
    else:
        vectors.check_billing(draft)
        draft.description["BillingModeSummary"] = {**draft.description["BillingModeSummary"], "BillingMode": mode}
        draft.description.pop("OnDemandThroughput", None)
        _each_index(draft, lambda index: _provisioned(index, draft.request))


def _metered(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table or an index that goes on demand: without units, and warm enough."""
    units = {**described["ProvisionedThroughput"], **dict.fromkeys(_UNITS, 0)}
    warm = capacity_rules.raised(described, on_demand=True)
    return {**described, "ProvisionedThroughput": units, "WarmThroughput": warm}


def _decreased(index: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Return an index one of whose decreases is the table's going on demand."""
    units = index["ProvisionedThroughput"]
    return {**index, "ProvisionedThroughput": {**units, **waits.decreased(units, now_ms, strict=False)}}


def _each_index(draft: Draft, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    if _GLOBAL in draft.description:
        draft.description[_GLOBAL] = [change(index) for index in draft.description[_GLOBAL]]


def _provisioned(index: Mapping[str, Any], request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an index of a table that leaves on-demand capacity; raises if the request says nothing about it."""
    for update in request.get("GlobalSecondaryIndexUpdates") or ():
        body = update.get("Update") or update.get("Delete") or {}
        if body.get("IndexName") == index["IndexName"] and (update.get("Delete") or body.get("ProvisionedThroughput")):
            return {name: value for name, value in index.items() if name != "OnDemandThroughput"}
    raise rules.invalid(f"ProvisionedThroughput must be specified for index: {index['IndexName']}")


def _throughput(draft: Draft) -> None:
    wanted = draft.request["ProvisionedThroughput"]
    if draft.on_demand:
        raise rules.on_demand_units()
    capacity_rules.check_units(wanted, draft.place())
    draft.description = _changed_throughput(draft, "table", draft.description, wanted)


def _changed_throughput(
    draft: Draft, what: str, described: Mapping[str, Any], wanted: Mapping[str, int]
) -> dict[str, Any]:
    """Return a table or an index with other capacity units."""
    current = described["ProvisionedThroughput"]
    if all(current[name] == wanted[name] for name in _UNITS):
        whose = "the table" if what == "table" else what
        raise validation(
            f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
            + " ".join(
                f"Current {name} provisioned for {whose}: {current[name]}. Requested {name}: {wanted[name]}."
                for name in _UNITS
            )
            + " Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        )
    changed: dict[str, Any] = {**current, **wanted}
    first = not any(current[name] for name in _UNITS)  # units of a table that was on demand are no increase
    if any(wanted[name] < current[name] for name in _UNITS):
        changed.update(waits.decreased(current, draft.now, strict=draft.strict))
    if any(wanted[name] > current[name] for name in _UNITS) and not first:
        changed["LastIncreaseDateTime"] = draft.now / 1000
    described = {**described, "ProvisionedThroughput": changed}
    return {**described, "WarmThroughput": capacity_rules.raised(described, on_demand=False)}


def _indexes(draft: Draft) -> None:
    built = len(draft.table.backfilling) if draft.strict else 0
    for update in draft.request["GlobalSecondaryIndexUpdates"]:
        ((kind, body),) = [(kind, update[kind]) for kind in _INDEX_EDITS if update.get(kind) is not None]
        built += kind != "Update"
        if built > 1:
            raise ServiceError(LIMIT_EXCEEDED, _ONE_INDEX)
        _INDEX_EDITS[kind](draft, body)


def _create_index(draft: Draft, body: Mapping[str, Any]) -> None:
    name = body["IndexName"]
    known = (*draft.index_ids, *(index["IndexName"] for index in draft.description.get(vector_definitions.MEMBER, ())))
    if name in known:
        raise validation("Attempting to create an index which already exists")
    rules.check_added_global(body, draft.types)
    place = draft.place(name)
    given = body.get("ProvisionedThroughput") is not None
    if given and draft.on_demand:
        raise rules.invalid(
            f"Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} "
            "when BillingMode is PAY_PER_REQUEST"
        )
    if not given and not draft.on_demand:
        raise rules.invalid(f"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}")
    capacity_rules.check_place(body, place, capacity_rules.base(body, on_demand=draft.on_demand))
    indexes = draft.description.get(_GLOBAL, [])
    if len(indexes) >= GLOBAL_INDEXES:
        raise ServiceError(
            LIMIT_EXCEEDED,
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of "
            f"{GLOBAL_INDEXES}",
        )
    index = describe.index(body, draft.arn, with_status=True)
    draft.description[_GLOBAL] = [*indexes, {**index, "IndexStatus": "CREATING", "Backfilling": True}]
    number = draft.settings.get("NextIndex", len(draft.index_ids))
    draft.settings["NextIndex"] = number + 1
    draft.index_ids[name] = f"n{number}"


def _delete_index(draft: Draft, body: Mapping[str, Any]) -> None:
    _require_index(draft, body, "delete")
    left = [index for index in draft.description[_GLOBAL] if index["IndexName"] != body["IndexName"]]
    draft.description[_GLOBAL] = left
    if not left:
        del draft.description[_GLOBAL]
    del draft.index_ids[body["IndexName"]]


def _update_index(draft: Draft, body: Mapping[str, Any]) -> None:
    index, name = _require_index(draft, body, "update"), body["IndexName"]
    changed = {**index, **_capacity(draft, index, body, draft.place(name))}
    units = body.get("ProvisionedThroughput")
    if draft.on_demand and (units is not None or not (body.get("OnDemandThroughput") or body.get("WarmThroughput"))):
        raise rules.invalid(
            f"The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to "
            "OnDemandThroughput, WarmThroughput"
        )
    if units is not None:
        capacity_rules.check_units(units, draft.place(name))
        changed = _changed_throughput(draft, f"index {name}", changed, units)
    if not changed.get("OnDemandThroughput", True):
        del changed["OnDemandThroughput"]
    draft.description[_GLOBAL] = [changed if each is index else each for each in draft.description[_GLOBAL]]


def _require_index(draft: Draft, body: Mapping[str, Any], action: str) -> Mapping[str, Any]:
    name = body["IndexName"]
    for index in draft.description.get(_GLOBAL, ()):
        if index["IndexName"] == name:
            return index  # type: ignore[no-any-return]
    if any(index["IndexName"] == name for index in draft.description.get("LocalSecondaryIndexes", ())):
        raise validation(f"Cannot {action} an index that is not a GlobalSecondaryIndex: {name}")
    raise resource_not_found(f"Requested resource not found: Index {name} for table {draft.table.definition.name}")


def _vectors(draft: Draft) -> None:
    vectors.edit(draft)


_INDEX_EDITS: Mapping[str, Callable[[Draft, Mapping[str, Any]], None]] = {
    "Create": _create_index,
    "Delete": _delete_index,
    "Update": _update_index,
}


def _stream(draft: Draft) -> None:
    specification = draft.request["StreamSpecification"]
    enabled = draft.description.get("StreamSpecification", {}).get("StreamEnabled", False)
    name = draft.table.definition.name
    if specification["StreamEnabled"]:
        if enabled or draft.stream is None:  # none was made because one was enabled when the request came
            raise validation(f"Table already has an enabled stream: TableName: {name}")
        draft.description = registry.described(draft.description, draft.stream)
        draft.settings = registry.capturing(draft.settings, draft.stream)
    else:
        if not enabled:
            raise validation(f"Table has no stream to disable: TableName: {name}")
        if draft.description.get("Replicas"):
            raise rules.invalid("Disabling Stream is not allowed for a Global Table replica.")
        draft.description, draft.settings = registry.without_stream(draft.description, draft.settings)


def _sse(draft: Draft) -> None:
    specification = draft.request["SSESpecification"]
    description = describe.encryption(specification, draft.arn)
    current = draft.description.get("SSEDescription")
    if description is None and current is None:
        raise rules.invalid("Table is already encrypted by default")
    if current is not None and specification.get("KMSMasterKeyId") == current["KMSMasterKeyArn"]:
        raise rules.invalid(
            "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change "
            "Master Key"
        )
    draft.description.pop("SSEDescription", None)
    if description is not None:
        draft.description["SSEDescription"] = description


def _deletion_protection(draft: Draft) -> None:
    draft.description["DeletionProtectionEnabled"] = draft.request["DeletionProtectionEnabled"]


def _table_class(draft: Draft) -> None:
    """Change the class; a table whose class was never named has the standard one."""
    wanted = draft.request["TableClass"]
    if wanted != draft.description.get("TableClassSummary", {}).get("TableClass", "STANDARD"):
        draft.description["TableClassSummary"] = {"TableClass": wanted, "LastUpdateDateTime": draft.now / 1000}


def _capacities(draft: Draft) -> None:
    draft.description.update(_capacity(draft, draft.description, draft.request, draft.place()))
    if not draft.description.get("OnDemandThroughput", True):
        del draft.description["OnDemandThroughput"]


def _capacity(draft: Draft, current: Mapping[str, Any], wanted: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the on-demand limits and the warm throughput of a table or an index, as far as they are asked for."""
    changed: dict[str, Any] = {}
    limits, warm = wanted.get("OnDemandThroughput"), wanted.get("WarmThroughput")
    if limits:
        capacity_rules.check_on_demand(limits, place)
        changed["OnDemandThroughput"] = capacity_rules.limited(current.get("OnDemandThroughput"), limits)
    if warm:
        floor = capacity_rules.base(current, on_demand=draft.on_demand)
        capacity_rules.check_warm(warm, floor, place)
        changed["WarmThroughput"] = capacity_rules.warmed(warm, floor)
    return changed


def _replicas(draft: Draft) -> None:
    """Change the table's replicas; the first of a table without a stream gets it one."""
    draft.description = replicas.changed(draft.description, draft.request, draft.now)
    enabled = draft.description.get("StreamSpecification", {}).get("StreamEnabled", False)
    if replicas.creates(draft.request) and draft.stream is not None and not enabled:
        draft.description = registry.described(draft.description, draft.stream)
        draft.settings = registry.capturing(draft.settings, draft.stream)


def _global_settings(draft: Draft) -> None:
    for member in ("GlobalTableSettingsReplicationMode", "DisassociationProtectionEnabled"):
        if draft.request.get(member) is not None:
            draft.description[member] = draft.request[member]


_EDITS: tuple[tuple[str, Callable[[Draft], None]], ...] = (
    ("BillingMode", _billing_mode),
    ("ProvisionedThroughput", _throughput),
    ("StreamSpecification", _stream),
    ("GlobalSecondaryIndexUpdates", _indexes),
    ("VectorIndexUpdates", _vectors),
    ("SSESpecification", _sse),
    ("DeletionProtectionEnabled", _deletion_protection),
    ("TableClass", _table_class),
    ("OnDemandThroughput", _capacities),
    ("WarmThroughput", _capacities),
    ("ReplicaUpdates", _replicas),
    ("GlobalTableWitnessUpdates", _replicas),
    ("MultiRegionConsistency", _replicas),
    ("GlobalTableSettingsReplicationMode", _global_settings),
    ("DisassociationProtectionEnabled", _global_settings),
)
"""What each member of the request does, in the order they are applied; an edit of several members is done once."""
