"""Filling new indexes from the items that were there before them.

From the moment an index exists every writer maintains it, so an item needs an entry from here only as it stands under
the lock: the store adds what is missing and a repeated step changes nothing.
Items are taken in key order, never by offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from extenddb.core.types.keys import Key
from extenddb.engine import codec, indexes, ttl
from extenddb.engine.context import Context
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.table import Table
from extenddb.engine.tables.vector_definitions import IDS, MEMBER
from extenddb.storage.model import Decision, Keep, Mutation, Position, Row, ScanRead
from extenddb.storage.spi import VectorItems

_ROWS = 500  # of one step
_BYTES = 2 * 1024 * 1024  # of one step


def backfill_state(table: Table, ids: list[str]) -> dict[str, Any]:
    """Return the state of a job that fills these indexes of a table from its first item on."""
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "Indexes": ids,
        "After": None,
    }


async def backfill(context: Context, state: dict[str, Any]) -> dict[str, Any] | None:
    """Add the entries of the next rows to the indexes named in the state; the end makes them ACTIVE."""
    table = await context.tables.load(state["Namespace"], state["Table"])
    if table is None or table.space.id != state["Space"]:
        return None
    known = {*table.space.indexes, *(each.id for each in table.space.vectors)}
    wanted = frozenset(id_ for id_ in state["Indexes"] if id_ in known)
    if not wanted:
        return None
    after = Position(Key(*map(bytes.fromhex, state["After"]))) if state["After"] else None
    page = await context.backend.items.scan(ScanRead(space=table.space, after=after, limit=_ROWS, max_bytes=_BYTES))
    if page.rows:
        mutations = [_entries(table, row.key, wanted) for row in page.rows]
        for decision in await context.items.mutate_many(mutations):
            if isinstance(decision, Exception):
                raise decision
    if page.rows:
        state = {**state, "After": [part.hex() for part in page.rows[-1].key]}
    if page.stopped or not await _built(context, table, wanted):
        return state
    await _activate(context, state, wanted)
    return None


async def _built(context: Context, table: Table, wanted: frozenset[str]) -> bool:
    """Tell whether what is filled is ready for searches of vectors; what is missing is on its way then."""
    items = cast("VectorItems", context.backend.items)
    for each in table.space.vectors:
        if each.id in wanted and not await items.build(table.space, each.id):
            return False
    return True


def _entries(table: Table, key: Key, wanted: frozenset[str]) -> Mutation:
    def decide(row: Row | None) -> Decision:
        if row is None:
            return Keep()
        changes = indexes.changes(table, None, codec.load(row.item))
        return Keep(tuple(change for change in changes if change.id in wanted))

    return Mutation(table.space, key, decide)


def unfilled(table: Table) -> list[str]:
    """Return the ids of the indexes of a table that no job has filled to the end."""
    found = [id_ for name, id_ in _ids(table).items() if name in table.backfilling]
    return [*found, ttl.INDEX] if table.settings.get("TimeToLive", {}).get(ttl.FILLING) else found


def _ids(table: Table) -> dict[str, str]:
    return {**table.index_ids, **table.settings.get(IDS, {})}


async def _activate(context: Context, state: dict[str, Any], wanted: frozenset[str]) -> None:
    def activate(table: Table) -> Table | None:
        if table.space.id != state["Space"]:
            return None  # another table of that name by now
        filled = {name for name, id_ in _ids(table).items() if id_ in wanted}
        settings = _settled(table.settings) if ttl.INDEX in wanted else table.settings
        if not filled and settings == table.settings:
            return None
        members = [member for member in ("GlobalSecondaryIndexes", MEMBER) if member in table.description]
        indexes = {
            member: [_active(each) if each["IndexName"] in filled else each for each in table.description[member]]
            for member in members
        }
        return table.edited(description={**table.description, **indexes}, settings=settings)

    await change_table(context, state["Namespace"], state["Table"], activate)


def _settled(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table's settings whose index of expiring items is complete."""
    live = {name: value for name, value in settings.get("TimeToLive", {}).items() if name != ttl.FILLING}
    return {**settings, "TimeToLive": live} if live else dict(settings)


def _active(index: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in index.items() if name != "Backfilling"} | {"IndexStatus": "ACTIVE"}
