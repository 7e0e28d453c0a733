"""Searching a vector index: by the store where it keeps vectors, else by looking at every item of the table."""

from __future__ import annotations

import asyncio
import heapq
from typing import cast

from extenddb.core.types import vector
from extenddb.core.types.table import VectorDefinition
from extenddb.engine import codec
from extenddb.engine.context import Context
from extenddb.engine.tables.table import Table
from extenddb.engine.vectors.entries import entry
from extenddb.storage.model import Hit, Position, Row, ScanRead, VectorSearch
from extenddb.storage.spi import VectorItems

_BYTES = 256 * 1024  # of items looked at before others get their turn


async def search(
    context: Context, table: Table, index: VectorDefinition, query: bytes, labels: tuple[bytes, ...], limit: int
) -> list[Hit]:
    """Return the rows whose vectors are most similar to a stored vector, best first, then in the order of keys."""
    if index.id is None:
        return await _scan(context, table, index, query, labels, limit)
    items = cast("VectorItems", context.backend.items)
    return await items.search(VectorSearch(space=table.space, index=index.id, vector=query, labels=labels, limit=limit))


async def _scan(
    context: Context, table: Table, index: VectorDefinition, query: bytes, labels: tuple[bytes, ...], limit: int
) -> list[Hit]:
    score = vector.score(index.distance, query)
    wanted = frozenset(labels)

    def hit(row: Row) -> Hit | None:
        found = entry(index, codec.load(row.item))
        if found is None or not wanted <= set(found.labels):
            return None
        sized = row if found.size is None else row._replace(size=found.size)
        return Hit(sized, score(found.vector))

    best: list[Hit] = []
    after: Position | None = None
    while True:
        page = await context.backend.items.scan(ScanRead(space=table.space, after=after, max_bytes=_BYTES))
        hits = [found for row in page.rows if (found := hit(row)) is not None]
        best = heapq.nsmallest(
            limit, [*best, *hits], key=lambda each: (vector.rank(index.distance, each.score), each.row.key)
        )
        if not page.stopped:
            return best
        after = Position(page.rows[-1].key)
        await asyncio.sleep(0)
