"""A table as it was: the rows of now, with what happened since undone.

The log of changes holds the item as it was before each change. So the state before a moment is, for every key, the old
item of the key's first change since then, and for keys without such a change the row of now. No copy of the table
is needed to go back, and going back a little costs little.

The first changes are gathered into a space of their own, the *undo space*, whose rows have the keys of the table. Then
table and undo space are read side by side in key order. The table goes on changing meanwhile: each page is read first,
the log after it, so every change that a row of the page may show is undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from extenddb.core.types.attribute import item_size
from extenddb.core.types.keys import Key
from extenddb.engine import codec, system
from extenddb.engine.context import Context
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import NotFound
from extenddb.storage.model import (
    Decision,
    Keep,
    Mutation,
    PointRead,
    Position,
    Published,
    Put,
    Row,
    ScanRead,
    Space,
)

_RECORDS = 1000  # of the log, read at a time
_RECORD_BYTES = 4 * 1024 * 1024
_SKEW_MS = 10 * 60 * 1000  # how far the times of a log may be out of its order: clocks of processes differ
_ABSENT, _PRESENT = b"-", b"+"
_TIME = 8  # bytes before the mark

State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A table as it was just before a moment."""

    table: Table
    stream: str
    """Id of its log, which holds old items."""
    undo: Space
    since: int
    """Changes from this time on are undone, in milliseconds since the epoch."""
    barrier: int | None = None
    """Changes behind this sequence are undone whatever their time: a write that began before the moment may commit
    while its table is being read, and must then be seen nowhere."""
    until: int | None = None
    """Changes from this time on, and those behind the barrier, are not looked at: with it a view is a period."""

    def covers(self, record: Published) -> bool:
        """Tell whether a change is to be undone."""
        late = self.barrier is not None and record.sequence > self.barrier
        if self.until is None:
            return late or record.created >= self.since
        return not late and self.since <= record.created < self.until


class Item(NamedTuple):
    """A row of a view."""

    key: Key
    body: bytes
    size: int


class Undone(NamedTuple):
    """What the undo space says of a key."""

    key: Key
    old: bytes | None
    """The item before its first change; None when it was not there."""
    size: int
    written: int
    """Time of its last change that was looked at."""


def undo_space(id_: str) -> Space:
    """Return the undo space of an operation."""
    return Space(id=f"u{id_.replace('-', '')}")


async def prepare_space(context: Context, space: Space) -> None:
    """Create a space of the engine's own unless it is there."""
    await system.prepare(context.backend.catalog, space)


async def drop_space(context: Context, space: Space) -> None:
    """Remove a space of the engine's own if it is there."""
    try:
        await context.backend.catalog.drop(space)
    except NotFound:
        return


async def first_sequence(context: Context, stream: str, since: int) -> int:
    """Return a sequence before every record of a log created from a time on, found by halving."""
    low, high = 0, await context.backend.streams.last(stream)
    while low < high:
        middle = (low + high) // 2
        found = (await context.backend.streams.read(stream, after=middle, limit=1, max_bytes=1)).records
        if found and found[0].created < since - _SKEW_MS:
            low = found[0].sequence
        else:
            high = middle
    return low


async def fold(context: Context, view: View, after: int, *, most: int | None = None) -> tuple[int, bool]:
    """Gather the log into the undo space from a sequence on; return how far it came, and whether that is its end.

    Every change committed before the call is gathered if the answer says so. `most` bounds the records read.
    """
    last = await context.backend.streams.last(view.stream)
    read = 0
    while after < last:
        if most is not None and read >= most:
            return after, False
        found = await context.backend.streams.read(
            view.stream, after=after, until=last, limit=_RECORDS, max_bytes=_RECORD_BYTES
        )
        if not found.records:
            return last, True
        await _gather(context, view, found.records)
        read += len(found.records)
        after = found.records[-1].sequence
    return after, True


async def _gather(context: Context, view: View, records: list[Published]) -> None:
    mutations = [_remember(view, record) for record in records if view.covers(record)]
    if not mutations:
        return
    for outcome in await context.items.mutate_many(mutations):
        if isinstance(outcome, Exception):
            raise outcome


def _remember(view: View, record: Published) -> Mutation:
    change = codec.parse(record.body)
    old = change.get("Old")
    body = _ABSENT if old is None else _PRESENT + codec.dump(old)
    size = 0 if old is None else item_size(old)
    written = record.created.to_bytes(_TIME, "big")

    def decide(row: Row | None) -> Decision:
        if row is None:
            return Put(written + body, size)
        if row.item[:_TIME] >= written:
            return Keep()
        return Put(written + row.item[_TIME:], row.size)

    return Mutation(view.undo, view.table.schema.key(change["Keys"]), decide)


async def page(context: Context, view: View, state: State, *, limit: int, max_bytes: int) -> tuple[list[Item], State]:
    """Return the next rows of a view in key order, and the state behind them.

    A state has `Folded`, a sequence of the log, and `After`, the place of the last row; its `Done` tells the end.
    """
    after = position(state["After"])
    now = await context.backend.items.scan(
        ScanRead(space=view.table.space, after=after, limit=limit, max_bytes=max_bytes)
    )
    folded, _ = await fold(context, view, state["Folded"])
    undone, more = await undone_page(context, view.undo, after, limit=limit, max_bytes=max_bytes)
    ends = [rows[-1].key for rows, stopped in ((now.rows, now.stopped), (undone, more)) if stopped]
    end = min(ends, default=None)
    items = list(_merged(now.rows, undone, end))
    return items, {**state, "Folded": folded, "After": place(end) if end else state["After"], "Done": end is None}


async def stretch(
    context: Context, view: View, state: State, end: Key | None, *, limit: int, max_bytes: int
) -> tuple[list[Item], State]:
    """Return all rows of a view up to and including a key, and the state behind them; None is the end of the view.

    Unlike a page it is the same whenever it is read, however many rows have come since.
    """
    items: list[Item] = []
    following = state
    while True:
        found, following = await page(context, view, following, limit=limit, max_bytes=max_bytes)
        items += [each for each in found if end is None or each.key <= end]
        reached = position(following["After"])
        if following["Done"] or (end is not None and reached is not None and reached.key >= end):
            break
    return items, {**following, "After": place(end) if end is not None else following["After"], "Done": end is None}


def _merged(rows: list[Row], undone: list[Undone], end: Key | None) -> Iterator[Item]:
    """Yield rows and undone rows up to a key in order, the undone ones in place of the others."""
    found: dict[Key, Item | None] = {row.key: Item(row.key, row.item, row.size) for row in rows}
    for each in undone:
        found[each.key] = None if each.old is None else Item(each.key, each.old, each.size)
    for key in sorted(found):
        item = found[key]
        if item is not None and (end is None or key <= end):
            yield item


async def undone_page(
    context: Context, undo: Space, after: Position | None, *, limit: int, max_bytes: int
) -> tuple[list[Undone], bool]:
    """Return the next rows of an undo space in key order, and whether there may be more."""
    found = await context.backend.items.scan(ScanRead(space=undo, after=after, limit=limit, max_bytes=max_bytes))
    return [_undone(row) for row in found.rows], found.stopped


async def undone_at(context: Context, undo: Space, keys: list[Key]) -> dict[Key, Undone]:
    """Return what an undo space says of some keys."""
    rows = await context.items.get_many([PointRead(undo, key) for key in keys])
    return {row.key: _undone(row) for row in rows if row is not None}


def _undone(row: Row) -> Undone:
    present = row.item[_TIME : _TIME + 1] == _PRESENT
    written = int.from_bytes(row.item[:_TIME], "big")
    return Undone(row.key, row.item[_TIME + 1 :] if present else None, row.size, written)


def position(text: list[str] | None) -> Position | None:
    """Return the position of a place in a job's state."""
    return Position(Key(*map(bytes.fromhex, text))) if text else None


def place(key: Key) -> list[str]:
    """Return a key as a job's state holds it."""
    return [part.hex() for part in key]
