"""Changing a table: read its record, edit it, write it back if nobody else did meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from extenddb.engine.context import Context
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import Conflict, SerializationFailure

_ATTEMPTS = 8


async def change_table(
    context: Context, namespace: str, name: str, edit: Callable[[Table], Table | None]
) -> Table | None:
    """Return the table as `edit` made it of the current one; None if there is none, or `edit` wanted no change.

    `edit` is pure: it may be called again when the table was changed meanwhile. Raises what it raises.
    """
    for _ in range(_ATTEMPTS):
        table = await context.tables.load(namespace, name)
        edited = edit(table) if table is not None else None
        if table is None or edited is None:
            return None
        try:
            record = await context.backend.catalog.alter(edited.record, expected=table.record.version)
        except Conflict:
            continue
        finally:
            context.tables.forget(namespace, name)
        return from_record(record)
    raise SerializationFailure(f"the table {name} is changed by many at the same time")
