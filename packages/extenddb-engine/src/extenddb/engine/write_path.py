"""Writing one item: the pure decision that the store calls under its lock, and the answer made of it.

`Write` holds everything PutItem, UpdateItem and DeleteItem differ in as values; condition, sizes, index entries and
return values are decided here for single writes, batches, transactions and statements alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from extenddb.core.errors import CONDITIONAL_CHECK_FAILED, ServiceError
from extenddb.core.expressions import Condition
from extenddb.core.types.attribute import Item, equal
from extenddb.core.types.capacity import Consumed, write_units
from extenddb.engine import capture, codec, indexes
from extenddb.engine.tables.table import Table
from extenddb.engine.vectors import entries
from extenddb.storage.model import Decision, Delete, Keep, Key, Mutation, Put, Reject, Row

CONDITION_FAILED = "The conditional request failed"


class NewItem:
    """An item to be stored, with its bytes and its size."""

    __slots__ = ("body", "item", "size")

    def __init__(self, item: Item, size: int) -> None:
        self.item = item
        self.size = size
        self.body = codec.dump(item)


class Written:
    """What a write found and left."""

    __slots__ = ("_old_item", "new", "old")

    def __init__(self, old: Row | None, old_item: Item | None, new: NewItem | None) -> None:
        self.old = old
        self.new = new
        self._old_item = old_item

    @property
    def old_item(self) -> Item | None:
        """The item before the write, parsed when first asked for."""
        if self._old_item is None and self.old is not None:
            self._old_item = codec.load(self.old.item)
        return self._old_item


class Transform(Protocol):
    """From the old item to the new one; None removes it. Raises ServiceError when it cannot be made."""

    def __call__(self, old: Item | None, /) -> NewItem | None: ...


@dataclass(slots=True, kw_only=True, eq=False)  # not frozen: that triples what making one costs
class Write:
    """One write of one item, ready to be decided. Not changed once it is made."""

    table: Table
    key: Key
    transform: Transform | None
    """None only checks the condition and leaves the item as it is."""
    parses_old: bool
    """The condition or the transform looks into the old item."""
    condition: Condition | None = None
    returns_old_on_failure: bool = False
    """ReturnValuesOnConditionCheckFailure is ALL_OLD."""
    needs_old: bool = True
    """The answer speaks of the old item: its attributes, or its size in capacity units."""

    @property
    def blind(self) -> bool:
        """Whether neither the decision nor the answer depends on the old item."""
        return not (self.needs_old or self._looks_inside or self.transform is None)

    @property
    def _looks_inside(self) -> bool:
        return self.parses_old or self.table.watched

    def mutation(self, now_ms: int) -> Mutation:
        """Return what the store is asked to do; the time is that of the change in its stream records."""
        return Mutation(self.table.space, self.key, lambda row: self.decide(row, now_ms), self.blind)

    def decide(self, row: Row | None, now_ms: int = 0) -> Decision:
        """Decide about the row as the store has it now."""
        old = codec.load(row.item) if row is not None and self._looks_inside else None
        if self.condition is not None and not self.condition.matches(old):
            return Reject(self._condition_failed(row))
        if self.transform is None:
            return Keep(answer=Written(row, old, None))
        try:
            new = self.transform(old)
        except ServiceError as error:
            return Reject(error)
        return self._outcome(Written(row, old, new), old, now_ms)

    def _outcome(self, written: Written, old: Item | None, now_ms: int) -> Decision:
        row, new, table = written.old, written.new, self.table
        body = row.item if row is not None else None
        if new is None:
            if row is None and not self.blind:
                return Keep(answer=written)
            records = capture.changes(table, old, body, None, None, now_ms)
            return Delete(indexes.changes(table, old, None), records, written)
        if body is not None and (body == new.body or self._same(old, new.item)):
            return Keep(answer=written)
        records = capture.changes(table, old, body, new.item, new.body, now_ms)
        return Put(new.body, new.size, indexes.changes(table, old, new.item), records, written)

    def _same(self, old: Item | None, new: Item) -> bool:
        """Tell whether nothing changes; only worth a look where a change would be recorded."""
        return bool(self.table.captures) and old is not None and equal({"M": old}, {"M": new})

    def _condition_failed(self, row: Row | None) -> ServiceError:
        members = {}
        if self.returns_old_on_failure and row is not None:
            members["Item"] = codec.raw(row.item)
        return ServiceError(CONDITIONAL_CHECK_FAILED, CONDITION_FAILED, **members)


@dataclass(slots=True, kw_only=True, eq=False)
class Plan:
    """A write as far as its request alone decides it. Not changed once it is made."""

    bind: Callable[[Table], Write]
    """Make the write of it, against a table's key schema and indexes; raises ServiceError."""
    attributes: Callable[[Written], Any]
    """Return the Attributes member that ReturnValues asks for; None when there is none."""
    size: int = 0
    """Bytes of the item that is written, as far as the request tells."""


def require_written(decision: Decision) -> Written:
    """Return what a decided write left; raises the error it was rejected with."""
    answer = decision.answer
    if isinstance(answer, ServiceError):
        raise answer.settle()
    assert isinstance(answer, Written)  # noqa: S101  (a decision of this module)
    return answer


def consumed(table: Table, written: Written) -> Consumed:
    """Return the capacity a write consumed of its table and indexes."""
    old_size = written.old.size if written.old is not None else 0
    new_size = written.new.size if written.new is not None else 0
    new_item = written.new.item if written.new is not None else None
    if table.vectors:
        old_size = entries.billed_size(table, written.old_item, old_size)
        new_size = entries.billed_size(table, new_item, new_size)
    units = Consumed(write_units(old_size, new_size))
    if table.indexes or table.vectors:
        indexes.write_capacity(table, written.old_item, new_item, units)
    return units


ReturnedAttributes = Callable[[Written], Any]
"""From what was written to the Attributes member; None when there is none."""


def all_old(written: Written) -> Any:
    """ReturnValues=ALL_OLD: the item as it was."""
    return codec.raw(written.old.item) if written.old is not None else None


def all_new(written: Written) -> Any:
    """ReturnValues=ALL_NEW: the item as it is."""
    return codec.raw(written.new.body) if written.new is not None else None


def nothing(_written: Written) -> Any:
    """ReturnValues=NONE."""
    return None


RETURNED: Mapping[str, ReturnedAttributes] = {"NONE": nothing, "ALL_OLD": all_old, "ALL_NEW": all_new}
"""ReturnValues modes that need no update expression."""


def answer(request: Mapping[str, Any], table: Table, written: Written, attributes: Any) -> dict[str, Any]:
    """Return the response of a single write."""
    response: dict[str, Any] = {}
    if attributes is not None:
        response["Attributes"] = attributes
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        response["ConsumedCapacity"] = consumed(table, written).describe(request["TableName"], mode)
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        metrics = item_collection_metrics(table, written)
        if metrics is not None:
            response["ItemCollectionMetrics"] = metrics
    return response


def item_collection_metrics(table: Table, written: Written) -> dict[str, Any] | None:
    """Return the ItemCollectionMetrics structure; only tables with local indexes have item collections.

    The estimate is the service's for small collections: between zero and one gigabyte.
    """
    if not any(index.kind == "LOCAL" for index in table.indexes):
        return None
    item = written.new.item if written.new is not None else written.old_item
    if item is None:
        return None
    return {
        "ItemCollectionKey": {name: item[name] for name in table.schema.hash},
        "SizeEstimateRangeGB": [0.0, 1.0],
    }


def consumed_by_table(written: Iterable[tuple[str, Write, Written]]) -> dict[str, Consumed]:
    """Return the units of several writes by table, each given with the table's name in the request."""
    units: dict[str, Consumed] = {}
    for name, write, each in written:
        units.setdefault(name, Consumed()).add(consumed(write.table, each))
    return units


def metrics_by_table(written: Iterable[tuple[str, Write, Written]]) -> dict[str, list[dict[str, Any]]]:
    """Return the item collections several writes touched by table, each collection once."""
    metrics: dict[str, list[dict[str, Any]]] = {}
    for name, write, each in written:
        found = item_collection_metrics(write.table, each)
        if found is not None and found not in metrics.setdefault(name, []):
            metrics[name].append(found)
    return metrics


def speaks_of_old(request: Mapping[str, Any]) -> bool:
    """Tell whether the answer to a write needs the row as it was before."""
    return any(
        request.get(member, "NONE") != "NONE"
        for member in ("ReturnValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics")
    )
