"""Removing expired items: found by the hidden index, removed only if they are still expired under the lock."""

from __future__ import annotations

from extenddb.core.types.keys import Key
from extenddb.engine import capture, codec, indexes, ttl
from extenddb.engine.context import Context
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Decision, Delete, Keep, Mutation, RangeRead, Row

_TABLES = 200  # records read at a time
_ROWS = 500  # items removed at a time
_BYTES = 4 * 1024 * 1024
SERVICE = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
"""Who removed the item, in its stream record (developer guide, DynamoDB Streams and Time to Live)."""


async def sweep(context: Context) -> None:
    """Remove the expired items of all tables."""
    after = ""
    while True:
        records = await context.backend.catalog.records(after=after, limit=_TABLES)
        for record in records:
            if ttl.INDEX in record.space.indexes:
                await _sweep_table(context, from_record(record))
        if len(records) < _TABLES:
            return
        after = records[-1].space.id


async def _sweep_table(context: Context, table: Table) -> None:
    attribute = table.ttl
    if attribute is None:
        return
    try:
        for number in range(ttl.PARTITIONS):
            while await _sweep_partition(context, table, attribute, number):
                pass
    except SchemaMismatch:
        return  # the table changed meanwhile: the next sweep meets its new shape


async def _sweep_partition(context: Context, table: Table, attribute: str, number: int) -> bool:
    """Remove a page of expired items; tell whether there may be more."""
    now = context.clock()
    lower, upper = ttl.bounds(now // 1000)
    page = await context.backend.items.read_range(
        RangeRead(
            space=table.space,
            index=ttl.INDEX,
            partition=ttl.partition(number),
            lower=lower,
            upper=upper,
            limit=_ROWS,
            max_bytes=_BYTES,
        )
    )
    if page.rows:
        for outcome in await context.items.mutate_many([_removal(table, row.key, attribute, now) for row in page.rows]):
            if isinstance(outcome, Exception):
                raise outcome
    return page.stopped


def _removal(table: Table, key: Key, attribute: str, now_ms: int) -> Mutation:
    def decide(row: Row | None) -> Decision:
        if row is None:
            return Keep()
        item = codec.load(row.item)
        if not ttl.expired(item, attribute, now_ms // 1000):
            return Keep()
        records = capture.changes(table, item, row.item, None, None, now_ms, SERVICE)
        return Delete(indexes.changes(table, item, None), records)

    return Mutation(table.space, key, decide)
