"""The items port in memory: a plan is made of all decisions first, and applied only when nothing can fail any more."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from extenddb.core.types import vector
from extenddb.core.types.keys import Key
from extenddb.storage.errors import Conflict
from extenddb.storage.memory.ordered import Place
from extenddb.storage.memory.state import State, Table
from extenddb.storage.model import (
    Decision,
    Delete,
    EntriesOf,
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
    Reject,
    Row,
    ScanRead,
    Space,
    VectorEntry,
    VectorSearch,
)


class MemoryItems:
    """`spi.Items` over a `State`."""

    def __init__(self, state: State, enter: Callable[[], Awaitable[None]]) -> None:
        self._state = state
        self._enter = enter

    async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
        """See `spi.Items.get`."""
        await self._enter()
        table = self._state.table
        return [table(space).rows.get(key) for space, key in reads]

    async def snapshot(self, reads: Sequence[PointRead]) -> list[Row | None]:
        """See `spi.Items.snapshot`."""
        return await self.get(reads)

    async def read_range(self, read: RangeRead) -> Page:
        """See `spi.Items.read_range`."""
        await self._enter()
        table = self._state.table(read.space)
        low: Place = (read.partition, read.lower or b"")
        high: Place = (read.partition + b"\x00",) if read.upper is None else (read.partition, read.upper)
        if read.after is not None and read.reverse:
            high = min(high, _place(read.after))
        elif read.after is not None:
            low = max(low, _behind(read.after))
        places = table.ordered(read.index).between(low, high, reverse=read.reverse)
        return _page(table.read(read.index, places), read.limit, read.max_bytes)

    async def scan(self, read: ScanRead) -> Page:
        """See `spi.Items.scan`."""
        await self._enter()
        table = self._state.table(read.space)
        low: Place = (read.lower,)
        if read.after is not None:
            low = max(low, _behind(read.after))
        places = table.ordered(read.index).between(low, None if read.upper is None else (read.upper,))
        return _page(table.read(read.index, places), read.limit, read.max_bytes)

    async def search(self, search: VectorSearch) -> list[Hit]:
        """See `spi.VectorItems.search`: looks at every vector."""
        await self._enter()
        table = self._state.table(search.space)
        where = table.vector(search.index)
        score = vector.score(where.distance, search.vector)
        labels = set(search.labels)
        scored = (
            (vector.rank(where.distance, score(entry.vector)), key)
            for key, entry in table.vectors[where].items()
            if labels <= set(entry.labels)
        )
        return [_hit(table, search, key, score) for _, key in heapq.nsmallest(search.limit, scored)]

    async def build(self, space: Space, index: str, *, alone: bool = False) -> bool:
        """See `spi.VectorItems.build`: every vector is looked at anyway."""
        await self._enter()
        self._state.table(space).vector(index)
        return True

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        """See `spi.Items.mutate`."""
        await self._enter()
        plan = _Plan(self._state)
        decisions = [plan.decide(mutation) for mutation in mutations]
        plan.apply()
        return decisions

    async def load(self, space: Space, rows: Sequence[NewRow]) -> None:
        """See `spi.BulkItems.load`."""
        await self._enter()
        table = self._state.table(space, loading=True)
        known = [row.key for row in rows if row.key in table.rows]
        if known and not table.loading:
            raise Conflict("a row to be loaded is there already")
        plan = _Plan(self._state, loading=True)
        for row in rows:
            changes = tuple(IndexChange(index, None, entry) for index, entry in row.entries)
            plan.decide(Mutation(space, row.key, partial(_given, Put(row.item, row.size, changes))))
        for key in known:
            table.reindex(key, [*table.entries(key)])
        plan.apply()

    async def finish(self, space: Space, entries: EntriesOf) -> bool:
        """See `spi.BulkItems.finish`: entries were replaced with their rows."""
        await self._enter()
        self._state.table(space, loading=True).loading = False
        return True

    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        """See `spi.Items.transact`."""
        await self._enter()
        plan = _Plan(self._state)
        decisions = [plan.decide(mutation) for mutation in mutations]
        if not any(isinstance(decision, Reject) for decision in decisions):
            plan.apply()
        return decisions


class _Plan:
    """The outcome of several mutations, not applied yet; each decision sees the ones before."""

    __slots__ = ("_ahead", "_loading", "_state", "_steps", "_version")

    def __init__(self, state: State, *, loading: bool = False) -> None:
        self._state = state
        self._loading = loading
        self._ahead: dict[tuple[str, Key], Row | None] = {}
        self._steps: list[tuple[Table, Key, Decision, Row | None]] = []
        self._version = state.version

    def decide(self, mutation: Mutation) -> Decision:
        """Take one decision and note what it does."""
        table = self._state.table(mutation.space, loading=self._loading)
        key = mutation.key
        slot = (mutation.space.id, key)
        old = self._ahead[slot] if slot in self._ahead else table.rows.get(key)
        decision = mutation.decide(None if mutation.blind else old)
        if isinstance(decision, Reject):
            return decision
        for change in decision.indexes:
            if isinstance(change.old or change.new, VectorEntry):
                table.vector(change.id)
            else:
                table.index(change.id)
        new = old
        if isinstance(decision, Put):
            self._version += 1
            new = Row(key, decision.item, decision.size, self._version)
        elif isinstance(decision, Delete):
            new = None
        self._ahead[slot] = new
        self._steps.append((table, key, decision, new))
        return decision

    def apply(self) -> None:
        """Carry out everything noted; nothing in here can fail."""
        self._state.version = self._version
        for table, key, decision, new in self._steps:
            if isinstance(decision, Reject):
                continue
            table.reindex(key, decision.indexes)
            if isinstance(decision, Keep):
                continue
            if new is None:
                table.remove(key)
            else:
                table.put(new)
            self._state.publish(key, decision.changes)


def _given(put: Put, _row: Row | None) -> Decision:
    return put


def _place(position: Position) -> Place:
    return position.key if position.base is None else (*position.key, *position.base)


def _behind(position: Position) -> Place:
    """Return the smallest place behind a position: its last bytes, prolonged by a zero."""
    *leading, last = _place(position)
    return (*leading, last + b"\x00")


def _hit(table: Table, search: VectorSearch, key: Key, score: vector.Score) -> Hit:
    entry = table.vectors[table.vector(search.index)][key]
    row = table.rows[key]
    return Hit(row if entry.size is None else row._replace(size=entry.size), score(entry.vector))


def _page(rows: Iterable[Row], limit: int | None, max_bytes: int) -> Page:
    taken: list[Row] = []
    total = 0
    for row in rows:
        taken.append(row)
        total += row.size
        if total >= max_bytes or len(taken) == limit:
            return Page(taken, True)
    return Page(taken, False)
