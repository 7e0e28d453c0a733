"""Tables that are made full: restored and imported ones are CREATING until they hold everything, then ACTIVE.

Until then nobody but their job reads or writes them. The data plane does not find them, nor does most of the control
plane; what would change or delete an imported table, or delete a restored one, finds them in use (public reports).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self, cast

from extenddb.core.errors import RESOURCE_IN_USE, ServiceError
from extenddb.core.types.keys import Key
from extenddb.engine import codec, indexes
from extenddb.engine.context import Context
from extenddb.engine.retries import retrying
from extenddb.engine.tables import vectors
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.settings import table_not_found
from extenddb.engine.tables.table import INDEX_MEMBERS, Table, to_document
from extenddb.engine.tables.vector_definitions import MEMBER, spaces
from extenddb.storage.errors import Conflict, NotFound
from extenddb.storage.model import Decision, Entry, Mutation, NewRow, Put, Row, Space, TableRecord, VectorEntry
from extenddb.storage.spi import BulkItems, VectorItems

SUMMARY = "RestoreSummary"
"""What only the description of a table that is being restored, or was, has."""
_GLOBAL = "GlobalSecondaryIndexes"
_BATCH = 500  # items written in one transaction; nobody waits for the locks of a table that only one job writes


def filling_record(namespace: str, description: Mapping[str, Any], *, stored_vectors: bool) -> TableRecord:
    """Return the record of a new table that is being filled, from the description of a finished one.

    `stored_vectors` says that the store keeps vector indexes.
    """
    description = _with_status(description, "CREATING")
    settings: dict[str, Any] = {"Filling": True}
    if stored_vectors:
        settings = vectors.numbered(description, settings)
    index_ids = {
        index["IndexName"]: f"{kind[0].lower()}{number}"
        for member, kind in INDEX_MEMBERS
        for number, index in enumerate(description.get(member, ()))
    }
    return TableRecord(
        namespace=namespace,
        name=description["TableName"],
        space=Space(
            id=description["TableId"].replace("-", ""),
            indexes=tuple(index_ids.values()),
            vectors=spaces(description, settings),
        ),
        document=to_document(description, index_ids, settings),
    )


def _with_status(description: Mapping[str, Any], status: str) -> dict[str, Any]:
    """Return a description with the status of the table and of its indexes that have one replaced."""
    changed = {**description, "TableStatus": status}
    for member in (_GLOBAL, MEMBER):
        if member in changed:
            changed[member] = [{**index, "IndexStatus": status} for index in changed[member]]
    return changed


def restoring(table: Table) -> bool:
    """Tell whether a table is being filled by a restore."""
    return table.filling and SUMMARY in table.description


def in_use(table: Table) -> ServiceError:
    """Return the error for a table that is being filled."""
    how = "used" if restoring(table) else "created"
    return ServiceError(
        RESOURCE_IN_USE,
        f"Attempt to change a resource which is still in use: Table is being {how}: {table.definition.name}",
    )


def require_filled(table: Table) -> None:
    """Raise an error for a table that is not ACTIVE yet: not found if it is restored, in use if it is imported."""
    if restoring(table):
        raise table_not_found(table.definition.name)
    if table.filling:
        raise in_use(table)


def require_removable(table: Table) -> None:
    """Raise ResourceInUseException for a table that is not ACTIVE yet, or that a backup is made of."""
    if table.filling:
        raise in_use(table)
    if any(purpose.startswith("Backup-") for purpose in table.settings.get("Captures", {})):
        raise ServiceError(
            RESOURCE_IN_USE,
            "Attempt to change a resource which is still in use: "
            f"A backup is being created of table: {table.definition.name}",
        )


async def find_filling(context: Context, namespace: str, name: str, space: str) -> Table | None:
    """Return a table that is being filled; None when it is gone or finished."""
    table = await context.tables.load(namespace, name)
    return table if table is not None and table.space.id == space and table.filling else None


async def loaded(context: Context, space: Space, rows: Sequence[NewRow]) -> bool:
    """Insert rows of different keys in the store's fast way; False when it has none, or when the table is finished.

    So finds it a process that was thought dead.
    """
    if not context.backend.capabilities.bulk_load:
        return False
    items = cast("BulkItems", context.backend.items)
    try:
        await retrying(lambda: items.load(space, rows))
    except Conflict:
        return False
    return True


def new_row(table: Table, key: Key, body: bytes, size: int) -> NewRow:
    """Return the row of an item's stored bytes, with its entries in the table's indexes."""
    return NewRow(key, body, size, _entries(table, body) if table.indexes or table.vectors else ())


def _entries(table: Table, body: bytes) -> tuple[tuple[str, Entry | VectorEntry], ...]:
    return indexes.new_entries(table, codec.load(body))


async def load(context: Context, table: Table, rows: Sequence[NewRow]) -> None:
    """Write items into a table that is being filled; the last of equal keys counts.

    May be repeated with the same items.
    """
    if not rows:
        return
    distinct = {row.key: row for row in rows}
    if await loaded(context, table.space, rows if len(distinct) == len(rows) else [*distinct.values()]):
        return
    ordered = sorted(distinct.values())
    for first in range(0, len(ordered), _BATCH):
        batch = [_replace(table, row) for row in ordered[first : first + _BATCH]]
        await retrying(partial(context.backend.items.mutate, batch))


class Loading:
    """Loads batch after batch into a table that is being filled, each while the caller makes the next.

    As a context it ends when all is loaded, or with what was raised.
    """

    def __init__(self, context: Context, table: Table) -> None:
        self._context = context
        self._table = table
        self._under_way: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._under_way is None:
            return
        if kind is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)
        else:
            await self._under_way

    async def load(self, rows: Sequence[NewRow]) -> None:
        """Begin to load rows as soon as those before are loaded. Raises what loading those raised."""
        if self._under_way is not None:
            await self._under_way
        self._under_way = asyncio.create_task(load(self._context, self._table, rows))


def _replace(table: Table, new: NewRow) -> Mutation:
    if not table.indexes and not table.vectors:
        put = Put(new.item, new.size)
        return Mutation(table.space, new.key, lambda _row: put, blind=True)
    item = codec.load(new.item)

    def decide(row: Row | None) -> Decision:
        old = codec.load(row.item) if row is not None else None
        return Put(new.item, new.size, indexes.changes(table, old, item))

    return Mutation(table.space, new.key, decide)


async def built(context: Context, table: Table) -> bool:
    """Tell whether a table that is full is ready for requests; what is missing is on its way then."""
    if context.backend.capabilities.bulk_load:
        bulk = cast("BulkItems", context.backend.items)
        if not await bulk.finish(table.space, partial(_entries, table)):
            return False
    items = cast("VectorItems", context.backend.items)
    for each in table.space.vectors:
        if not await items.build(table.space, each.id, alone=True):
            return False
    return True


async def activate(context: Context, table: Table) -> None:
    """Open a table that is full. A process that was thought dead and goes on filling it is refused by the store: it
    would put back what users have changed by then."""

    def opened(current: Table) -> Table | None:
        if current.space.id != table.space.id or not current.filling:
            return None
        description = _with_status(current.description, "ACTIVE")
        if SUMMARY in description:
            description[SUMMARY] = {**description[SUMMARY], "RestoreInProgress": False}
        settings = {name: value for name, value in current.settings.items() if name != "Filling"}
        return current.edited(description=description, settings=settings)

    await change_table(context, table.record.namespace, table.definition.name, opened)


async def abandon(context: Context, table: Table) -> None:
    """Remove a table that cannot be filled."""
    try:
        await context.backend.catalog.drop(table.space)
    except NotFound:
        return
    finally:
        context.tables.forget(table.record.namespace, table.definition.name)
