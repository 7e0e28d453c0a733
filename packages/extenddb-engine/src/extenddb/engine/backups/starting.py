"""Making the table that a restore or an import fills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import ServiceError
from extenddb.engine.context import Context
from extenddb.engine.tables.filling import filling_record
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import AlreadyExists


def planned(context: Context, namespace: str, description: Mapping[str, Any]) -> Table:
    """Return a table that waits to be filled, from the description of a finished one; it is not there yet."""
    return from_record(filling_record(namespace, description, stored_vectors=context.backend.capabilities.vectors))


async def create(context: Context, table: Table, taken: ServiceError) -> None:
    """Create a planned table unless it is there; raises `taken` when there is another of that name."""
    try:
        await context.backend.catalog.create(table.record)
    except AlreadyExists:
        known = await context.tables.load(table.record.namespace, table.definition.name)
        if known is None or known.space.id != table.space.id:
            raise taken from None
