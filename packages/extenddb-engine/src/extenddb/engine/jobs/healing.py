"""Healing: a table is changed first and what follows is written down then; a process may die in between.

Whatever an index still lacks is filled by a job that is started here. Two jobs for one index do no harm. A table that
was removed and whose rows are a backup now is put on record. Indexes of vectors that are filled and for which the store
has more to do, such as those older than what it does, get that done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from extenddb.engine import codec
from extenddb.engine.backups import retiring
from extenddb.engine.context import Context
from extenddb.engine.jobs.backfill import backfill_state, unfilled
from extenddb.engine.jobs.runner import KIND, start_job
from extenddb.engine.tables.table import Table, from_record
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import TableRecord
from extenddb.storage.spi import VectorItems

_TABLES = 200  # records read at a time
_JOBS = 200


async def heal(context: Context) -> None:
    """Start the jobs that are missing, settle backups that are not on record, and have one graph more built."""
    tables = []
    async for record in _records(context):
        if retiring.is_unsettled(record):
            await retiring.settle(context, record)
        elif record.space.indexes or record.space.vectors:  # else there is nothing to fill, or it is none of the users'
            table = from_record(record)
            if not table.filling and (table.space.vectors or unfilled(table)):
                tables.append(table)
    await _fill(context, [table for table in tables if unfilled(table)])
    for table in tables:
        if table.space.vectors and not await _built(context, table):
            return  # one at a time


async def _fill(context: Context, tables: list[Table]) -> None:
    if not tables:
        return
    known = await _known(context)
    for table in tables:
        missing = [each for each in unfilled(table) if (table.space.id, each) not in known]
        if missing:
            await start_job(context, "backfill", backfill_state(table, missing))


async def _built(context: Context, table: Table) -> bool:
    items = cast("VectorItems", context.backend.items)
    filling = set(unfilled(table))
    for each in table.space.vectors:
        try:
            if each.id not in filling and not await items.build(table.space, each.id):
                return False
        except SchemaMismatch:
            return True  # it has changed since it was read, or gone
    return True


async def _records(context: Context) -> AsyncIterator[TableRecord]:
    after = ""
    while True:
        records = await context.backend.catalog.records(after=after, limit=_TABLES)
        for record in records:
            yield record
        if len(records) < _TABLES:
            return
        after = records[-1].space.id


async def _known(context: Context) -> set[tuple[str, str]]:
    """Return space and index of everything that jobs are filling."""
    known: set[tuple[str, str]] = set()
    after = ""
    while True:
        documents = await context.backend.documents.list(KIND, after=after, limit=_JOBS)
        for document in documents:
            job = codec.parse(document.body)
            if job["Type"] == "backfill":
                known.update((job["State"]["Space"], each) for each in job["State"]["Indexes"])
        if len(documents) < _JOBS:
            return known
        after = documents[-1].key
