"""What a memory store holds; plain data and its invariants, nothing asynchronous.

All changes happen between two awaits, so the event loop makes every method of the ports atomic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from extenddb.core.types.keys import Key, bucket
from extenddb.storage.errors import ContractViolation, SchemaMismatch
from extenddb.storage.memory.ordered import Ordered, Place
from extenddb.storage.model import (
    Change,
    Document,
    Entry,
    Estimate,
    IndexChange,
    Published,
    Row,
    Space,
    TableRecord,
    VectorEntry,
    VectorSpace,
)


class Index:
    """Entries of one index: where each stands, and its own size where it has one."""

    __slots__ = ("order", "sizes")

    def __init__(self) -> None:
        self.order = Ordered()
        self.sizes: dict[Place, int | None] = {}


class Table:
    """Rows of one space with all its indexes."""

    __slots__ = ("bytes", "indexes", "loading", "order", "record", "rows", "vectors")

    def __init__(self, record: TableRecord, *, loading: bool) -> None:
        self.record = record
        self.loading = loading
        self.rows: dict[Key, Row] = {}
        self.order = Ordered()
        self.bytes = 0
        self.indexes: dict[str, Index] = {name: Index() for name in record.space.indexes}
        self.vectors: dict[VectorSpace, dict[Key, VectorEntry]] = {each: {} for each in record.space.vectors}

    def put(self, row: Row) -> None:
        """Write a row; its index entries are changed apart from it."""
        old = self.rows.get(row.key)
        if old is None:
            self.order.add(row.key)
        self.bytes += row.size - (old.size if old else 0)
        self.rows[row.key] = row

    def remove(self, key: Key) -> None:
        """Remove a row if it is there."""
        old = self.rows.pop(key, None)
        if old is not None:
            self.order.discard(key)
            self.bytes -= old.size

    def entries(self, key: Key) -> Iterator[IndexChange]:
        """Yield the changes that remove all entries of one row; looks at every entry there is."""
        for name, index in self.indexes.items():
            for place, size in index.sizes.items():
                if place[2:] == key:
                    yield IndexChange(name, Entry(Key(*place[:2]), size), None)
        for where, entries in self.vectors.items():
            if key in entries:
                yield IndexChange(where.id, entries[key], None)

    def reindex(self, key: Key, changes: Iterable[IndexChange]) -> None:
        """Change the index entries of one row."""
        for change in changes:
            old, new = change.old, change.new
            if isinstance(old or new, VectorEntry):
                entries = self.vectors[self.vector(change.id)]
                entries.pop(key, None)
                if isinstance(new, VectorEntry):
                    entries[key] = new
                continue
            index = self.indexes[change.id]
            if isinstance(old, Entry):
                place = (*old.key, *key)
                index.order.discard(place)
                index.sizes.pop(place, None)
            if isinstance(new, Entry):
                place = (*new.key, *key)
                index.order.add(place)
                index.sizes[place] = new.size

    def ordered(self, index: str | None) -> Ordered:
        """Return the order of the table or of one of its indexes. Raises ContractViolation."""
        return self.order if index is None else self.index(index).order

    def index(self, name: str) -> Index:
        """Return an index of this space. Raises ContractViolation for one that the space does not have."""
        try:
            return self.indexes[name]
        except KeyError:
            raise ContractViolation(f"space {self.record.space.id} has no index {name!r}") from None

    def vector(self, name: str) -> VectorSpace:
        """Return an index of vectors. Raises ContractViolation for one that the space does not have."""
        for each in self.vectors:
            if each.id == name:
                return each
        raise ContractViolation(f"space {self.record.space.id} has no vectors {name!r}")

    def reshape(self, space: Space) -> None:
        """Create and drop indexes so that they are those of the space."""
        self.indexes = {name: self.indexes.get(name) or Index() for name in space.indexes}
        self.vectors = {each: self.vectors.get(each, {}) for each in space.vectors}

    def read(self, index: str | None, places: Iterable[Place]) -> Iterator[Row]:
        """Yield the rows that stand at these places."""
        if index is None:
            for place in places:
                yield self.rows[Key(*place)]
            return
        sizes = self.index(index).sizes
        for place in places:
            row = self.rows[Key(place[2], place[3])]
            size = sizes[place]
            yield row if size is None else row._replace(size=size)

    def estimate(self) -> dict[str | None, Estimate]:
        """Return rows and bytes of the table and of each index."""
        found: dict[str | None, Estimate] = {None: Estimate(rows=len(self.rows), bytes=self.bytes)}
        for name, index in self.indexes.items():
            total = sum(row.size for row in self.read(name, index.sizes))
            found[name] = Estimate(rows=len(index.sizes), bytes=total)
        for each, entries in self.vectors.items():
            total = sum(self.rows[key].size if entry.size is None else entry.size for key, entry in entries.items())
            found[each.id] = Estimate(rows=len(entries), bytes=total)
        return found


class Stream:
    """Published records in the order of their sequences."""

    __slots__ = ("last", "records")

    def __init__(self) -> None:
        self.records: list[Published] = []
        self.last = 0


class State:
    """Everything in one store; several handles may share it within a process."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.streams: dict[str, Stream] = {}
        self.documents: dict[str, dict[str, Document]] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.version = 0
        self._sequence = 0

    def table(self, space: Space, *, loading: bool = False) -> Table:
        """Return the table of a space that is current, one that is being loaded only when asked so.

        Raises SchemaMismatch, ContractViolation.
        """
        table = self.tables.get(space.id)
        if table is None or table.record.space.epoch != space.epoch:
            raise SchemaMismatch(f"space {space.id} is not at epoch {space.epoch}")
        if table.loading and not loading:
            raise ContractViolation(f"space {space.id} is being loaded")
        return table

    def publish(self, key: Key, changes: Iterable[Change]) -> None:
        """Append records about one key to their streams."""
        for change in changes:
            self._sequence += 1
            stream = self.streams.setdefault(change.stream, Stream())
            stream.last = self._sequence
            stream.records.append(Published(self._sequence, bucket(key.partition), change.created, change.body))
