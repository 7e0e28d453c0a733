"""SELECT: what a statement reads, decided from its text, its values and the table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Condition, KeyRange
from extenddb.core.expressions.condition import condition_of
from extenddb.core.expressions.nodes import ConditionNode
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.values import order_key
from extenddb.core.partiql import OrderTerm, Select, Values
from extenddb.core.types import keys as key_bytes
from extenddb.core.types.attribute import Item
from extenddb.core.types.table import IndexDefinition, KeySchema
from extenddb.engine import cursors, keys, selection
from extenddb.engine.cursors import Bounds
from extenddb.engine.partiql.access import Access, access_of, require_key
from extenddb.engine.partiql.projection import SelectList
from extenddb.engine.partiql.statements import Prepared
from extenddb.engine.read_path import Reading
from extenddb.engine.tables.table import Table
from extenddb.storage.model import Key

NO_INDEX = "The table does not have the specified index"
MULTI_ATTRIBUTE = (
    "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."
)
NOT_CONSISTENT = "Strongly consistent read is not supported on Global Secondary Indexes"
_ORDER_WITHOUT_WHERE = "Must have WHERE clause in the statement when using ORDER BY clause."
_ORDER_WITHOUT_HASH = (
    "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
)
_ORDER_MIXED = "ORDER BY must name the sort key attributes in their order, all in one direction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a SELECT reads; with neither points nor ranges it scans."""

    reading: Reading
    """What is done with the rows."""
    points: tuple[Key, ...] | None = None
    """Keys of single items of the table."""
    ranges: tuple[tuple[bytes, Bounds], ...] | None = None
    """Partitions and ranges of their sort keys, in the order they are read."""
    several: bool = False
    """The statement names its keys by IN or OR, and is answered in short pages."""
    reverse: bool = False
    """Largest sort key first."""
    merged: bool = False
    """Items of all ranges in one order of sort keys, instead of one range behind the other."""

    @property
    def table(self) -> Table:
        """The table that is read."""
        return self.reading.table


def select(prepared: Prepared[Select], table: Table) -> Selection:
    """Return what a statement reads; raises a ValidationException for what the table does not allow."""
    check_supported(prepared, table)
    statement, values = prepared.statement, prepared.values
    asked = {"ConsistentRead": prepared.consistent}
    index = _index(prepared, table)
    schema = index.schema if index is not None else table.schema
    access = access_of(statement.where, values, schema)
    condition = bind_where(statement.where, values)
    if index is not None and condition is not None and access.ranges is not None:
        _check_filter(index, condition)
    projection = SelectList(statement.paths) if statement.paths is not None else None
    reading = selection.reading(table, index, asked, None if access.exact else condition, projection)
    order = _check_order(statement, access, schema)
    chosen = Selection(reading=reading, several=access.several)
    if access.ranges is None:
        return chosen
    ranges = _in_order(access.ranges, order, schema)
    if index is None and access.names_items(schema):
        return replace(chosen, points=tuple(_point(schema, each) for each in ranges))
    return replace(
        chosen,
        ranges=tuple((key_bytes.partition(each.partition), cursors.sort_bounds(schema, each)) for each in ranges),
        reverse=any(term.descending for term in order if term.name in schema.range),
        merged=len(ranges) > 1 and _by_sort_key(order, schema),
    )


def check_supported(prepared: Prepared[Select], table: Table) -> None:
    """Refuse an index with keys of several attributes, and then what no statement may ask for."""
    name = prepared.statement.index
    index = table.definition.index(name) if name is not None else None
    if index is not None and (len(index.schema.hash) > 1 or len(index.schema.range) > 1):
        raise validation(MULTI_ATTRIBUTE)
    if prepared.refusal is not None:
        raise validation(prepared.refusal)


def _check_filter(index: IndexDefinition, condition: Condition) -> None:
    """Refuse a condition on what an index does not hold, in a statement that names its partition (recorded 2026-08)."""
    if index.projected is None:
        return
    read = dict.fromkeys(str(path[0]) for path in condition.paths())
    missing = [name for name in read if name not in index.projected]
    if missing:
        raise validation(
            f"One or more parameter values were invalid: Secondary index {index.name} does not project one or more "
            f"filter attributes: [{', '.join(missing)}]"
        )


def _index(prepared: Prepared[Select], table: Table) -> IndexDefinition | None:
    """Return the index that is read, None for the table itself; the sentences are not those of Query."""
    name = prepared.statement.index
    if name is None:
        return None
    if table.definition.index(name) is None and all(each.name != name for each in table.vectors):
        raise validation(NO_INDEX)
    index = selection.require_index(table, {"IndexName": name})
    if index is not None and index.kind == "GLOBAL" and prepared.consistent:
        raise validation(NOT_CONSISTENT)
    return index


def select_one(prepared: Prepared[Select], table: Table, no_key: str) -> tuple[Item, Reading]:
    """Return the one key a SELECT of a batch or transaction names, and what is done with its row.

    Raises a ValidationException, with the text `no_key` for a clause that does not name it or says more.
    """
    statement, values = prepared.statement, prepared.values
    check_supported(prepared, table)
    if statement.index is not None:
        raise validation(no_key)
    if statement.order:
        raise validation("ORDER BY is not supported for single items")
    key, exact = require_key(statement.where, values, table.schema, no_key)
    if not exact:
        raise validation(no_key)
    projection = SelectList(statement.paths) if statement.paths is not None else None
    return key, selection.reading(table, None, {"ConsistentRead": prepared.consistent}, None, projection)


def bind_where(where: ConditionNode | None, values: Values) -> Condition | None:
    """Return a WHERE clause as a condition; raises a ValidationException for operands it cannot have."""
    if where is None:
        return None
    try:
        return condition_of(where, values)
    except Problem as problem:
        raise problem.as_statement_error() from None


def _point(schema: KeySchema, wanted: KeyRange) -> Key:
    return keys.require_key(schema, dict(zip(schema.names, wanted.partition + wanted.sort_equals, strict=True)))


def _check_order(statement: Select, access: Access, schema: KeySchema) -> tuple[OrderTerm, ...]:
    """Return ORDER BY if the keys can give that order."""
    order = statement.order
    if not order:
        return ()
    if statement.where is None:
        raise validation(_ORDER_WITHOUT_WHERE)
    if access.ranges is None:
        raise validation(_ORDER_WITHOUT_HASH)
    for term in order:
        if term.name not in schema.names:
            raise validation(f"Variable reference {term.name} in ORDER BY clause must be part of the primary key")
    of_sort_key = [term for term in order if term.name in schema.range]
    names = tuple(term.name for term in of_sort_key)
    if names != schema.range[: len(names)] or len({term.descending for term in of_sort_key}) > 1:
        raise validation(_ORDER_MIXED)
    return order


def _by_sort_key(order: Sequence[OrderTerm], schema: KeySchema) -> bool:
    """Tell whether the sort key comes before the partition key in the order."""
    return bool(order) and order[0].name in schema.range


def _in_order(ranges: Sequence[KeyRange], order: Sequence[OrderTerm], schema: KeySchema) -> Sequence[KeyRange]:
    """Return ranges sorted as far as the values they are confined to tell: what is left stands within each range."""
    for term in reversed(order):
        place = schema.names.index(term.name)
        if all(place < len(each.partition + each.sort_equals) for each in ranges):
            ranges = sorted(ranges, key=lambda each: _place(each, place), reverse=term.descending)
    return ranges


def _place(each: KeyRange, place: int) -> Any:
    return order_key((each.partition + each.sort_equals)[place])
