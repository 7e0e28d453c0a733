"""Making the table that a restore or an import fills, and its job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.errors import ServiceError
from extenddb.engine.context import Context
from extenddb.engine.tables.filling import filling_record
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import AlreadyExists


async def create_filling(
    context: Context, namespace: str, description: Mapping[str, Any], taken: ServiceError
) -> Table:
    """Create a table that waits to be filled; raises `taken` when there is one of that name."""
    record = filling_record(namespace, description, stored_vectors=context.backend.capabilities.vectors)
    try:
        await context.backend.catalog.create(record)
    except AlreadyExists:
        raise taken from None
    return from_record(record)
