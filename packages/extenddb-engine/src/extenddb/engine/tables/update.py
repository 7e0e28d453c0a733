"""What UpdateTable makes of a table. Pure: from the current table and the request to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from extenddb.core.arn import TableArn, parse_table
from extenddb.core.errors import LIMIT_EXCEEDED, ServiceError, resource_not_found, validation
from extenddb.core.limits import GLOBAL_INDEXES
from extenddb.engine.streams import registry
from extenddb.engine.streams.registry import Stream
from extenddb.engine.tables import capacity_rules, describe, replicas, rules, vector_definitions, vectors, waits
from extenddb.engine.tables.table import Table

NOTHING = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
    "SSESpecification or ReplicaUpdates is required"
)
_ONE_INDEX = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
_GLOBAL = "GlobalSecondaryIndexes"


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
        self.reshape = False

    @property
    def arn(self) -> TableArn:
        """The table's ARN."""
        arn = parse_table(self.description["TableArn"])
        assert arn is not None  # noqa: S101  (written by CreateTable)
        return arn

    @property
    def on_demand(self) -> bool:
        """Whether the table is on demand, as far as it has been edited."""
        return rules.is_on_demand(self.description.get("BillingModeSummary", {}).get("BillingMode"))

    def result(self) -> Table:
        """Return the table as edited."""
        return self.table.edited(
            description=self.description, index_ids=self.index_ids, settings=self.settings, reshape=self.reshape
        )


def updated(
    table: Table, request: Mapping[str, Any], now_ms: int, stream: Stream | None, *, strict: bool = False
) -> Table:
    """Return the table that a request makes of another; `stream` is the one to enable, if one is asked for.

    `strict` is `EngineSettings.strict_waits`. Raises ServiceError.
    """
    given = [(member, edit) for member, edit in _EDITS if request.get(member) is not None]
    if all(member == "AttributeDefinitions" for member, _ in given):
        raise validation(NOTHING)
    if request.get("StreamSpecification") is not None and request.get("ProvisionedThroughput") is not None:
        raise rules.invalid("You cannot modify stream status while updating table IOPS")
    draft = Draft(table, request, now_ms, stream, strict=strict)
    done: set[Callable[[Draft], None]] = set()
    for _, edit in given:
        if edit not in done:
            done.add(edit)
            edit(draft)
    return draft.result()


def _attribute_definitions(draft: Draft) -> None:
    known = {each["AttributeName"]: each for each in draft.description["AttributeDefinitions"]}
    for each in draft.request["AttributeDefinitions"]:
        name = each["AttributeName"]
        if name in known and known[name] != each:
            raise rules.invalid(f"Attribute {name} cannot be redefined with another type")
        known[name] = each
    draft.description["AttributeDefinitions"] = list(known.values())


def _billing_mode(draft: Draft) -> None:
    mode = draft.request["BillingMode"]
    rules.check_throughput({**draft.request, "BillingMode": mode})
    current = draft.description.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if mode == "PAY_PER_REQUEST":
        if current != mode:
            draft.description["BillingModeSummary"] = {
                "BillingMode": mode,
                "LastUpdateToPayPerRequestDateTime": draft.now / 1000,
            }
            draft.description["ProvisionedThroughput"] = describe.throughput(None)
            _each_index(draft, lambda index: {**index, "ProvisionedThroughput": describe.throughput(None)})
    elif current != mode:
        vectors.check_billing(draft)
        summary = draft.description["BillingModeSummary"]
        draft.description["BillingModeSummary"] = {**summary, "BillingMode": mode}
        draft.description.pop("OnDemandThroughput", None)
        _each_index(draft, lambda index: _provisioned(index, draft.request))


def _each_index(draft: Draft, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    if _GLOBAL in draft.description:
        draft.description[_GLOBAL] = [change(index) for index in draft.description[_GLOBAL]]


def _provisioned(index: Mapping[str, Any], request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an index of a table that leaves on-demand capacity; raises if the request says nothing about it."""
    for update in request.get("GlobalSecondaryIndexUpdates") or ():
        body = update.get("Update") or update.get("Delete") or {}
        if body.get("IndexName") == index["IndexName"] and (update.get("Delete") or body.get("ProvisionedThroughput")):
            return {name: value for name, value in index.items() if name != "OnDemandThroughput"}
    raise rules.invalid(f"ProvisionedThroughput is not specified for index: {index['IndexName']}")


def _throughput(draft: Draft) -> None:
    wanted = draft.request["ProvisionedThroughput"]
    if draft.description.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        raise rules.invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
        )
    current = draft.description["ProvisionedThroughput"]
    draft.description["ProvisionedThroughput"] = _changed_throughput(draft, "table", current, wanted)


def _changed_throughput(
    draft: Draft, what: str, current: Mapping[str, Any], wanted: Mapping[str, int]
) -> dict[str, Any]:
    if all(current[name] == wanted[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")):
        raise validation(
            f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
            + " ".join(
                f"Current {name} provisioned for the {what}: {current[name]}. Requested {name}: {wanted[name]}."
                for name in ("ReadCapacityUnits", "WriteCapacityUnits")
            )
            + " Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        )
    changed: dict[str, Any] = {**current, **wanted}
    lower = any(wanted[name] < current[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits"))
    if lower:
        changed.update(waits.decreased(current, draft.now, strict=draft.strict))
    if any(wanted[name] > current[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")):
        changed["LastIncreaseDateTime"] = draft.now / 1000
    return changed


def _indexes(draft: Draft) -> None:
    updates = draft.request["GlobalSecondaryIndexUpdates"]
    seen: set[str] = set()
    structural = len(draft.table.backfilling) if draft.strict else 0
    for update in updates:
        given = [(kind, update[kind]) for kind in _INDEX_EDITS if update.get(kind) is not None]
        if len(given) != 1:
            raise rules.invalid(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        ((kind, body),) = given
        if body["IndexName"] in seen:
            raise rules.invalid(
                "Only one global secondary index update per index is allowed simultaneously. "
                f"Index: {body['IndexName']}"
            )
        seen.add(body["IndexName"])
        structural += kind != "Update"
        if structural > 1:
            raise ServiceError(LIMIT_EXCEEDED, _ONE_INDEX)
        _INDEX_EDITS[kind](draft, body)


def _create_index(draft: Draft, body: Mapping[str, Any]) -> None:
    known = (*draft.index_ids, *(index["IndexName"] for index in draft.description.get(vector_definitions.MEMBER, ())))
    if body["IndexName"] in known:
        raise validation("Attempting to create an index which already exists")
    types = {each["AttributeName"]: each["AttributeType"] for each in draft.description["AttributeDefinitions"]}
    billing = draft.description.get("BillingModeSummary", {}).get("BillingMode")
    rules.check_global(body, types, billing)
    capacity_rules.check_index(body, on_demand=draft.on_demand)
    indexes = draft.description.get(_GLOBAL, [])
    if len(indexes) >= GLOBAL_INDEXES:
        raise ServiceError(LIMIT_EXCEEDED, f"Subscriber limit exceeded: {GLOBAL_INDEXES} indexes per table")
    index = describe.index(body, draft.arn, with_status=True)
    draft.description[_GLOBAL] = [*indexes, {**index, "IndexStatus": "CREATING", "Backfilling": True}]
    number = draft.settings.get("NextIndex", len(draft.index_ids))
    draft.settings["NextIndex"] = number + 1
    draft.index_ids[body["IndexName"]] = f"n{number}"


def _delete_index(draft: Draft, body: Mapping[str, Any]) -> None:
    _require_index(draft, body)
    left = [index for index in draft.description[_GLOBAL] if index["IndexName"] != body["IndexName"]]
    draft.description[_GLOBAL] = left
    if not left:
        del draft.description[_GLOBAL]
    del draft.index_ids[body["IndexName"]]
    _drop_unused_definitions(draft)


def _drop_unused_definitions(draft: Draft) -> None:
    schemas = [
        draft.description,
        *(i for m in ("LocalSecondaryIndexes", _GLOBAL) for i in draft.description.get(m, ())),
    ]
    used = {element["AttributeName"] for schema in schemas for element in schema["KeySchema"]}
    used |= vector_definitions.used_names(draft.description)
    definitions = draft.description["AttributeDefinitions"]
    draft.description["AttributeDefinitions"] = [each for each in definitions if each["AttributeName"] in used]


def _update_index(draft: Draft, body: Mapping[str, Any]) -> None:
    index = _require_index(draft, body)
    changed = {**index, **_capacity(draft, index, body, f"index: {body['IndexName']}")}
    if body.get("ProvisionedThroughput") is not None:
        what = f"index {body['IndexName']}"
        changed["ProvisionedThroughput"] = _changed_throughput(
            draft, what, index["ProvisionedThroughput"], body["ProvisionedThroughput"]
        )
    draft.description[_GLOBAL] = [changed if each is index else each for each in draft.description[_GLOBAL]]


def _require_index(draft: Draft, body: Mapping[str, Any]) -> Mapping[str, Any]:
    for index in draft.description.get(_GLOBAL, ()):
        if index["IndexName"] == body["IndexName"]:
            return index  # type: ignore[no-any-return]
    raise resource_not_found()


def _vectors(draft: Draft) -> None:
    vectors.edit(draft)
    _drop_unused_definitions(draft)


_INDEX_EDITS: Mapping[str, Callable[[Draft, Mapping[str, Any]], None]] = {
    "Create": _create_index,
    "Delete": _delete_index,
    "Update": _update_index,
}


def _stream(draft: Draft) -> None:
    specification = draft.request["StreamSpecification"]
    rules.check_stream(specification)
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
    draft.reshape = True


def _sse(draft: Draft) -> None:
    capacity_rules.check_encryption(draft.request["SSESpecification"])
    description = describe.encryption(draft.request["SSESpecification"], draft.arn)
    current = draft.description.get("SSEDescription")
    if description == current:
        how = "by default" if current is None else "by given KMSMasterKeyId"
        raise rules.invalid(f"Table is already encrypted {how}")
    draft.description.pop("SSEDescription", None)
    if description is not None:
        draft.description["SSEDescription"] = description


def _deletion_protection(draft: Draft) -> None:
    draft.description["DeletionProtectionEnabled"] = draft.request["DeletionProtectionEnabled"]


def _table_class(draft: Draft) -> None:
    draft.description["TableClassSummary"] = {
        "TableClass": draft.request["TableClass"],
        "LastUpdateDateTime": draft.now / 1000,
    }


def _capacities(draft: Draft) -> None:
    draft.description.update(_capacity(draft, draft.description, draft.request, "table"))


def _capacity(draft: Draft, current: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return the on-demand limits and the warm throughput of a table or an index, as far as they are asked for."""
    changed: dict[str, Any] = {}
    if wanted.get("OnDemandThroughput") is not None:
        capacity_rules.check_on_demand(wanted["OnDemandThroughput"], on_demand=draft.on_demand)
        changed["OnDemandThroughput"] = {**current.get("OnDemandThroughput", {}), **wanted["OnDemandThroughput"]}
    if wanted.get("WarmThroughput") is not None:
        floor = capacity_rules.base(current, on_demand=draft.on_demand)
        capacity_rules.check_warm(wanted["WarmThroughput"], floor, what)
        changed["WarmThroughput"] = capacity_rules.warmed(wanted["WarmThroughput"], floor)
    return changed


def _replicas(draft: Draft) -> None:
    draft.description = replicas.changed(draft.description, draft.request, draft.arn.region, draft.now)
    if not replicas.creates(draft.request):
        return
    stream = draft.description.get("StreamSpecification", {})
    if stream.get("StreamEnabled"):
        if stream["StreamViewType"] != "NEW_AND_OLD_IMAGES":
            raise rules.invalid("Table must have a stream with both new and old images to add a replica")
    elif draft.stream is not None:
        draft.description = registry.described(draft.description, draft.stream)
        draft.settings = registry.capturing(draft.settings, draft.stream)
        draft.reshape = True


def _global_settings(draft: Draft) -> None:
    for member in ("GlobalTableSettingsReplicationMode", "DisassociationProtectionEnabled"):
        if draft.request.get(member) is not None:
            draft.description[member] = draft.request[member]


_EDITS: tuple[tuple[str, Callable[[Draft], None]], ...] = (
    ("AttributeDefinitions", _attribute_definitions),
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
