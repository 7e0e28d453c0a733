"""Making the table that a restore or an import fills, and what stands in the way of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import TABLE_ALREADY_EXISTS, TABLE_IN_USE, ServiceError
from extenddb.engine.context import Context
from extenddb.engine.tables.filling import SUMMARY, filling_record
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import AlreadyExists


def planned(context: Context, namespace: str, description: Mapping[str, Any]) -> Table:
    """Return a table that waits to be filled, from the description of a finished one; it is not there yet."""
    return from_record(filling_record(namespace, description, stored_vectors=context.backend.capabilities.vectors))


async def create(context: Context, table: Table, taken: ServiceError) -> None:
    """Create a planned table unless it is there; raises `taken` when there is another of that name."""
    try:
        await context.backend.catalog.create(table.record, loading=context.backend.capabilities.bulk_load)
    except AlreadyExists:
        known = await context.tables.load(table.record.namespace, table.definition.name)
        if known is None or known.space.id != table.space.id:
            raise taken from None


async def check_free(context: Context, namespace: str, name: str) -> None:
    """Raise TableAlreadyExistsException for a name that a table has, TableInUseException for that of a restore."""
    table = await context.tables.load(namespace, name)
    if table is None:
        return
    source = table.description.get(SUMMARY) if table.filling else None
    if source is None:
        raise ServiceError(TABLE_ALREADY_EXISTS, f"Table already exists: {name}")
    what = f"backup: {source['SourceBackupArn']}" if "SourceBackupArn" in source else source["SourceTableArn"]
    raise ServiceError(TABLE_IN_USE, f"Table: {name} is already being restored from {what}")
