"""Changing a table: read its record, edit it, write it back if nobody else did meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from extenddb.engine.context import Context
from extenddb.engine.retries import changing
from extenddb.engine.tables.table import Table, from_record


async def change_table(
    context: Context, namespace: str, name: str, edit: Callable[[Table], Table | None]
) -> Table | None:
    """Return the table as `edit` made it of the current one; None if there is none, or `edit` wanted no change.

    `edit` is pure: it may be called again when the table was changed meanwhile, with another table when that one was
    removed and made anew. Raises what it raises, and SerializationFailure.
    """

    async def change() -> Table | None:
        table = await context.tables.load(namespace, name)
        edited = edit(table) if table is not None else None
        if table is None or edited is None:
            return None
        try:
            record = await context.backend.catalog.alter(edited.record, expected=table.record.version)
        finally:
            context.tables.forget(namespace, name)
        return from_record(record)

    return await changing(change, f"the table {name}")
