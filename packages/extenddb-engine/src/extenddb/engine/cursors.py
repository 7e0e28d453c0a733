"""From key conditions to ranges of sort key bytes, and from start keys to positions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from extenddb.core.errors import ServiceError, validation
from extenddb.core.expressions import KeyRange
from extenddb.core.types import keys as key_bytes
from extenddb.core.types.attribute import Item
from extenddb.core.types.table import IndexDefinition, KeySchema
from extenddb.engine import keys
from extenddb.engine.tables.table import Table
from extenddb.storage.model import Position

_INVALID_START = "The provided starting key is invalid"
_OUTSIDE = "The provided starting key is outside query boundaries based on provided conditions"
_PREDICATE = "The provided starting key does not match the range key predicate"
_MISMATCH = f"{_INVALID_START}: The provided key element does not match the schema"


class Bounds(NamedTuple):
    """A half-open range of sort key bytes; None is unbounded."""

    lower: bytes | None = None
    upper: bytes | None = None

    def __contains__(self, sort: object) -> bool:
        if not isinstance(sort, bytes):
            return False
        return (self.lower is None or sort >= self.lower) and (self.upper is None or sort < self.upper)


_Range = Callable[..., tuple[bytes | None, bytes | None]]

_RANGES: Mapping[str, _Range] = {
    "=": lambda value: (value, value + b"\0"),
    "<": lambda value: (None, value),
    "<=": lambda value: (None, value + b"\0"),
    ">": lambda value: (value + b"\0", None),
    ">=": lambda value: (value, None),
    "BETWEEN": lambda low, high: (low, high + b"\0"),
    "begins_with": lambda value: (value, key_bytes.successor(value)),
}
"""The half-open range of values' bytes for each operator on a sort key of one attribute."""

_LAST = _RANGES
_INNER: Mapping[str, _Range] = {
    "=": lambda value: (_closed(value), _past(value)),
    "<": lambda value: (None, _closed(value)),
    "<=": lambda value: (None, _past(value)),
    ">": lambda value: (_past(value), None),
    ">=": lambda value: (_closed(value), None),
    "BETWEEN": lambda low, high: (_closed(low), _past(high)),
    "begins_with": lambda value: (_open(value), key_bytes.successor(_open(value))),
}
"""The same within a sort key of several attributes, for any but the last one."""


def _closed(value: bytes) -> bytes:
    """Return what every joined key starts with whose attribute equals the value."""
    return key_bytes.prefix([value])


def _open(value: bytes) -> bytes:
    """Return what every joined key starts with whose attribute begins with the value."""
    return value.replace(b"\0", b"\0\xff")


def _past(value: bytes) -> bytes:
    """Return the first bytes behind all joined keys whose attribute equals the value."""
    return key_bytes.successor(_closed(value)) or b""


def sort_bounds(schema: KeySchema, wanted: KeyRange) -> Bounds:
    """Return the range of sort keys a key condition asks for."""
    equal = [key_bytes.value_bytes(value) for value in wanted.sort_equals]
    values = [key_bytes.value_bytes(value) for value in wanted.values]
    if len(schema.range) <= 1:
        if equal:
            return Bounds(*_RANGES["="](equal[0]))
        return Bounds(*_RANGES[wanted.operator](*values)) if wanted.operator else Bounds()
    return _joined_bounds(schema, equal, wanted.operator, values)


def _joined_bounds(schema: KeySchema, equal: list[bytes], operator: str | None, values: list[bytes]) -> Bounds:
    if operator is None and len(equal) == len(schema.range):
        whole = key_bytes.joined(equal)
        return Bounds(whole, whole + b"\0")
    head = key_bytes.prefix(equal)
    tail = key_bytes.successor(head) if head else None
    if operator is None:
        return Bounds(head or None, tail)
    if len(equal) + 1 == len(schema.range):
        lower, upper = _LAST[operator](*(_open(value) for value in values))
    else:
        lower, upper = _INNER[operator](*values)
    return Bounds(head + (lower or b"") or None, head + upper if upper is not None else tail)


def query_position(
    table: Table, index: IndexDefinition | None, start: Item, partition: bytes, bounds: Bounds
) -> Position:
    """Return where a Query continues; raises when the start key is not one of this query's."""
    position = _position(table, index, start, _INVALID_START)
    if position.key.partition != partition:
        raise validation(_OUTSIDE)
    if position.key.sort not in bounds:
        raise validation(_PREDICATE)
    return position


def scan_position(table: Table, index: IndexDefinition | None, start: Item, segment: Segment | None) -> Position:
    """Return where a Scan continues; raises when the start key is not one of this scan's, or of its segment's."""
    position = _position(table, index, start, _MISMATCH if index is None else _INVALID_START)
    if segment is not None and not segment.holds(position.key.partition):
        raise validation(
            f"{_INVALID_START}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. "
            f"TotalSegments: {segment.total} Segment: {segment.number}"
        )
    return position


def _position(table: Table, index: IndexDefinition | None, start: Item, unfit: str) -> Position:
    """Return the position of a start key; `unfit` is the text for one with other names or types than the keys'."""
    names = set(table.schema.names)
    if index is not None:
        names.update(index.schema.names)
    if start.keys() != names:
        raise validation(unfit)
    if not table.schema.fits(start) or (index is not None and not index.schema.fits(start)):
        raise validation(unfit)
    try:
        for schema in (table.schema,) if index is None else (table.schema, index.schema):
            keys.check_values(schema, start)
    except ServiceError as error:
        raise validation(f"{_INVALID_START}: {error.message}") from None
    base = table.schema.key(start)
    if index is None:
        return Position(base)
    return Position(index.schema.key(start), base)


class Segment(NamedTuple):
    """One of the parts of a parallel scan: an equal share of the partition digests."""

    number: int
    total: int

    def lower(self) -> bytes:
        """Return the prefix of the smallest digest in the segment."""
        return _edge(self.number, self.total) if self.number else b""

    def upper(self) -> bytes | None:
        """Return the prefix of the first digest behind the segment; None for the last one."""
        return _edge(self.number + 1, self.total) if self.number + 1 < self.total else None

    def holds(self, partition: bytes) -> bool:
        """Tell whether a partition digest is in the segment."""
        upper = self.upper()
        return partition >= self.lower() and (upper is None or partition < upper)


def _edge(number: int, total: int) -> bytes:
    return (-(-(number << 64) // total)).to_bytes(8, "big")
