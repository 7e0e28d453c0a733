"""The rules of the contract about single values; each raises ContractViolation with the rule that is broken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from extenddb.core.types import vector
from extenddb.core.types.keys import DIGEST_SIZE, Key
from extenddb.storage.errors import ContractViolation
from extenddb.storage.model import (
    Change,
    Decision,
    Delete,
    EntriesOf,
    Entry,
    Hit,
    IndexChange,
    Keep,
    Mutation,
    NewRow,
    Page,
    PointRead,
    Position,
    Put,
    RangeRead,
    Records,
    Reject,
    Row,
    ScanRead,
    Space,
    VectorEntry,
    VectorSearch,
    VectorSpace,
)

_SPACE_ID = re.compile(r"[a-z0-9]{1,32}")
_INDEX_ID = re.compile(r"[a-z0-9]{1,16}")
MOST_DIMENSIONS = 4096
"""Longest vector of an index."""
MOST_HITS = 100
"""Most rows a search of vectors finds."""
_LABEL_SIZE = 64
_ROW_SORT, _ENTRY_SORT = 1024, 4 * 2 * 1024 + 3 * 2
"""Longest sort key of a row, and of an index entry."""

_Ordered = TypeVar("_Ordered", bytes, int, tuple[bytes, bytes])


def require(holds: bool, rule: str) -> None:
    """Raise ContractViolation unless a rule holds."""
    if not holds:
        raise ContractViolation(rule)


def space(value: Space) -> None:
    """Check the shape of a space."""
    require(_SPACE_ID.fullmatch(value.id) is not None, f"a space's id is 1 to 32 of a-z and 0-9, not {value.id!r}")
    require(value.epoch >= 1, "epochs begin with 1")
    ids = (*value.indexes, *(each.id for each in value.vectors))
    for name in ids:
        require(_INDEX_ID.fullmatch(name) is not None, f"an index id is 1 to 16 of a-z and 0-9, not {name!r}")
    require(len(set(ids)) == len(ids), "the ids of indexes are distinct")
    for each in value.vectors:
        require(1 <= each.dimensions <= MOST_DIMENSIONS, f"a vector has 1 to {MOST_DIMENSIONS} dimensions")


def stream(name: str) -> None:
    """Check the id of a stream."""
    require(_SPACE_ID.fullmatch(name) is not None, f"a stream's id is 1 to 32 of a-z and 0-9, not {name!r}")


def key(value: Key, longest: int = _ROW_SORT) -> None:
    """Check the shape of a key."""
    require(isinstance(value, Key), "a key is a Key")
    require(isinstance(value.partition, bytes) and isinstance(value.sort, bytes), "the parts of a key are bytes")
    require(len(value.partition) == DIGEST_SIZE, f"a partition digest has {DIGEST_SIZE} bytes")
    require(len(value.sort) <= longest, f"a sort key has at most {longest} bytes")


def row(value: Row) -> None:
    """Check a row that a store gives."""
    key(value.key)
    require(isinstance(value.item, bytes), "items are bytes")
    require(value.version >= 1, "versions are positive")
    require(value.size >= 0, "sizes are not negative")


def points(reads: Sequence[PointRead]) -> None:
    """Check the keys to read."""
    for read in reads:
        space(read.space)
        key(read.key)


def found(reads: Sequence[PointRead], rows: Sequence[Row | None]) -> None:
    """Check the rows that answer point reads."""
    require(len(reads) == len(rows), "as many answers as reads")
    for read, answer in zip(reads, rows, strict=True):
        if answer is not None:
            row(answer)
            require(answer.key == read.key, "each answer is the row asked for")


def range_read(read: RangeRead) -> None:
    """Check a range read."""
    _read(read)
    require(len(read.partition) == DIGEST_SIZE, f"a partition digest has {DIGEST_SIZE} bytes")
    if read.after is not None:
        require(read.after.key.partition == read.partition, "the position is in the partition read")


def scan_read(read: ScanRead) -> None:
    """Check a scan."""
    _read(read)
    require(max(len(read.lower), len(read.upper or b"")) <= DIGEST_SIZE, "bounds are digests or prefixes of digests")


def range_page(read: RangeRead, page: Page) -> None:
    """Check the answer to a range read, as far as it can be seen from outside."""
    _page(read, page)
    if read.index is not None:
        return
    sorts = [row.key.sort for row in page.rows]
    require(all(row.key.partition == read.partition for row in page.rows), "every row is of the partition read")
    _ascending(sorts[::-1] if read.reverse else sorts)
    require(read.lower is None or all(sort >= read.lower for sort in sorts), "no row is below the lower bound")
    require(read.upper is None or all(sort < read.upper for sort in sorts), "every row is below the upper bound")
    if read.after is not None and sorts:
        last = read.after.key.sort
        require(sorts[0] < last if read.reverse else sorts[0] > last, "the page begins behind the position")


def scan_page(read: ScanRead, page: Page) -> None:
    """Check the answer to a scan, as far as it can be seen from outside."""
    _page(read, page)
    if read.index is not None:
        return
    keys = [(row.key.partition, row.key.sort) for row in page.rows]
    _ascending(keys)
    require(all(part >= read.lower for part, _ in keys), "no row is below the lower bound")
    require(read.upper is None or all(part < read.upper for part, _ in keys), "every row is below the upper bound")
    if read.after is not None and keys:
        require(keys[0] > tuple(read.after.key), "the page begins behind the position")


def listing(values: Sequence[_Ordered], after: _Ordered, limit: int) -> None:
    """Check a listing: ascending, above `after`, at most `limit`."""
    _ascending(values)
    require(len(values) <= limit, "no more than the limit")
    require(not values or values[0] > after, "everything is above after")


def decision(mutation: Mutation, old: Row | None, value: Decision) -> None:
    """Check what a `decide` returned."""
    require(isinstance(value, (Put, Delete, Keep, Reject)), "a decision is a Put, Delete, Keep or Reject")
    if isinstance(value, Reject):
        require(not mutation.blind, "a blind mutation puts or deletes")
        return
    changes = () if isinstance(value, Keep) else value.changes
    if mutation.blind:
        require(not isinstance(value, Keep), "a blind mutation puts or deletes")
        require(not value.indexes and not changes, "a blind mutation changes no indexes and no streams")
    elif old is None:
        require(not isinstance(value, Delete), "Delete is decided only for a row that exists")
        require(isinstance(value, Put) or not value.indexes, "an absent row has no index entries")
    if isinstance(value, Put):
        require(isinstance(value.item, bytes) and value.size >= 0, "a Put has bytes and a size")
    _index_changes(mutation.space, value.indexes)
    for change in changes:
        _change(change)


def loaded(where: Space, rows: Sequence[NewRow]) -> None:
    """Check what is to be loaded."""
    space(where)
    for each in rows:
        key(each.key)
        require(isinstance(each.item, bytes) and each.size >= 0, "a row has bytes and a size")
        _entries(where, each.entries)
    require(len({each.key for each in rows}) == len(rows), "the keys of rows to be loaded are distinct")


def entries_of(where: Space, entries: EntriesOf) -> EntriesOf:
    """Return the same with a check of every answer."""

    def checked(item: bytes) -> tuple[tuple[str, Entry | VectorEntry], ...]:
        found = entries(item)
        _entries(where, found)
        return found

    return checked


def _entries(where: Space, entries: Sequence[tuple[str, Entry | VectorEntry]]) -> None:
    _index_changes(where, [IndexChange(index, None, entry) for index, entry in entries])


def _index_changes(where: Space, changes: Sequence[IndexChange]) -> None:
    require(len({change.id for change in changes}) == len(changes), "a decision mentions an index once")
    vectors = {each.id: each for each in where.vectors}
    for change in changes:
        require(change.id in where.indexes or change.id in vectors, f"the space has no index {change.id!r}")
        require(change.old != change.new, "an index entry that stays the same is not mentioned")
        for entry in (change.old, change.new):
            if entry is None:
                continue
            if isinstance(entry, VectorEntry):
                require(change.id in vectors, "an index of vectors has entries of vectors")
                _vector_entry(vectors[change.id], entry)
            else:
                require(change.id in where.indexes, "an index of keys has entries of keys")
                _entry(entry)


def _entry(entry: Entry) -> None:
    key(entry.key, _ENTRY_SORT)
    require(entry.size is None or entry.size >= 0, "sizes are not negative")


def _vector_entry(where: VectorSpace, entry: VectorEntry) -> None:
    _vector(where, entry.vector)
    _labels(entry.labels)
    require(entry.size is None or entry.size >= 0, "sizes are not negative")


def _vector(where: VectorSpace, value: bytes) -> None:
    require(len(value) == where.dimensions * vector.FLOAT_SIZE, "a vector has the dimensions of its index")


def _labels(values: Sequence[bytes]) -> None:
    require(len(set(values)) == len(values), "no label stands twice")
    require(all(1 <= len(value) <= _LABEL_SIZE for value in values), f"a label has 1 to {_LABEL_SIZE} bytes")


def vector_search(search: VectorSearch) -> None:
    """Check a search of vectors."""
    space(search.space)
    found = [each for each in search.space.vectors if each.id == search.index]
    require(len(found) == 1, f"the space has no vectors {search.index!r}")
    _vector(found[0], search.vector)
    _labels(search.labels)
    require(1 <= search.limit <= MOST_HITS, f"limit is 1 to {MOST_HITS}")


def hits(search: VectorSearch, values: Sequence[Hit]) -> None:
    """Check what a search of vectors found, as far as it can be seen from outside."""
    (where,) = [each for each in search.space.vectors if each.id == search.index]
    require(len(values) <= search.limit, "no more rows than the limit")
    for value in values:
        row(value.row)
    places = [(vector.rank(where.distance, value.score), value.row.key) for value in values]
    require(all(one < two for one, two in pairwise(places)), "best scores first, equal ones in the order of keys")


def records(found: Records, limit: int, max_bytes: int) -> None:
    """Check how a read of a stream was bounded, as far as it can be seen from outside."""
    count = len(found.records)
    total = sum(len(each.body) for each in found.records)
    require(count <= 1 or total <= max_bytes, "the records have at most max_bytes, unless it is one")
    require(count > 0 or not found.stopped, "one record is given whatever its size")
    require(count < limit or found.stopped, "stopped says that there are as many records as the limit")


def _change(change: Change) -> None:
    stream(change.stream)
    require(isinstance(change.body, bytes) and change.created >= 0, "a stream record has bytes and a time")


def _read(read: RangeRead | ScanRead) -> None:
    space(read.space)
    require(read.index is None or read.index in read.space.indexes, f"the space has no index {read.index!r}")
    require(read.limit is None or read.limit >= 1, "limit is at least 1")
    require(read.max_bytes >= 1, "max_bytes is at least 1")
    if read.after is not None:
        _position(read.after, read.index)


def _position(position: Position, index: str | None) -> None:
    key(position.key, _ROW_SORT if index is None else _ENTRY_SORT)
    require((position.base is None) == (index is None), "a position has a base key exactly in an index")
    if position.base is not None:
        key(position.base)


def _page(read: RangeRead | ScanRead, page: Page) -> None:
    for value in page.rows:
        row(value)
    require(len({value.key for value in page.rows}) == len(page.rows), "no row twice in a page")
    total = sum(value.size for value in page.rows)
    count = len(page.rows)
    require(read.limit is None or count <= read.limit, "no more rows than the limit")
    if count:
        require(total - page.rows[-1].size < read.max_bytes, "the page ends with the row that reaches max_bytes")
    ended = total >= read.max_bytes or count == read.limit
    require(page.stopped == ended, "stopped says exactly whether limit or max_bytes ended the page")


def _ascending(values: Sequence[_Ordered]) -> None:
    require(all(one < two for one, two in pairwise(values)), "everything is in strictly ascending order")
