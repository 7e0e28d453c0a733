"""Importing objects of a bucket into a new table."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

from extenddb.core.errors import ServiceError
from extenddb.core.types.keys import Key
from extenddb.engine import keys
from extenddb.engine.backups import records
from extenddb.engine.backups.records import IMPORTS, Body
from extenddb.engine.buckets import NO_OBJECT, BucketError
from extenddb.engine.context import Context
from extenddb.engine.imports import request as requests
from extenddb.engine.imports.items import SIZE, BadRecord, Parser
from extenddb.engine.imports.plain import plain_key
from extenddb.engine.imports.reading import Batch, Place, Reader
from extenddb.engine.jobs.waiting import turns
from extenddb.engine.new_items import new_item
from extenddb.engine.tables import filling
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import NewItem

log = logging.getLogger("extenddb.engine.imports")

_BYTES = 2 * 1024 * 1024  # of records loaded at a time
_BATCHES = 4  # of one turn; while one is loaded the next is read
_SLICE = 50  # records looked at before others get their turn
_SHARES = 4  # jobs of one import: as many processes can work on it when there are several objects
_RUNNING = "IN_PROGRESS"
_COUNTS = ("ProcessedSizeBytes", "ProcessedItemCount", "ImportedItemCount", "ErrorCount")
_LOGGED = 10  # faulty records of one batch that are written to the log

State = dict[str, Any]
Row = tuple[Key, bytes, int]


class ImportGone(Exception):
    """The import is no longer on record."""


class Parsed(NamedTuple):
    """What a batch of records holds."""

    rows: list[Row]
    errors: int


def import_states(table: Table, key: str) -> list[State]:
    """Return the states of the jobs that import into a table that is being filled, each a share of the objects."""
    return [
        {
            "Namespace": table.record.namespace,
            "Table": table.definition.name,
            "Space": table.space.id,
            "Key": key,
            "Part": part,
            "Place": ["", 0],
            **dict.fromkeys(_COUNTS, 0),
        }
        for part in range(_SHARES)
    ]


async def import_table(context: Context, state: State) -> State | None:
    """Work on a share of an import for a while."""
    following = await turns(context, state, _turn, _failed)
    if following is not None:
        await _note(context, following, done=False)
    return following


async def _note(context: Context, state: State, *, done: bool) -> Body | None:
    """Write down how far a share is; return the record while the import goes on."""
    part = {**{member: state[member] for member in _COUNTS}, "Done": done, "Found": bool(state["Place"][0])}

    def noted(body: Body) -> Body | None:
        if body["ImportStatus"] != _RUNNING:
            return None
        known = body.get(requests.PARTS, {})
        if known.get(str(state["Part"]), {}).get("Done") and not done:
            return None  # a process that was thought dead goes on with what another has ended
        parts = {**known, str(state["Part"]): part}
        totals = {member: sum(each[member] for each in parts.values()) for member in _COUNTS}
        return {**body, **totals, requests.PARTS: parts}

    return await records.change(context, IMPORTS, state["Key"], noted)


async def _turn(context: Context, state: State) -> State | None:
    body = await records.find(context, IMPORTS, state["Key"])
    if body is None:
        raise ImportGone(state["Key"])
    table = await filling.find_filling(context, state["Namespace"], state["Table"], state["Space"])
    if table is not None and body["ImportStatus"] == _RUNNING:
        following = await _load(context, table, _reader(context, state, body, table), state)
        if following is not None:
            return following
        noted = await _note(context, state, done=True)
        if noted is not None:
            await _close(context, table, noted, state)
    context.readers.pop(_reader_key(state), None)
    return None


async def _close(context: Context, table: Table, body: Body, state: State) -> None:
    """End the import when this share was the last."""
    parts = body[requests.PARTS].values()
    if len(parts) < _SHARES or not all(part["Done"] for part in parts):
        return
    if not any(part["Found"] for part in parts):
        prefix = body["S3BucketSource"].get("S3KeyPrefix") or ""
        raise BucketError(NO_OBJECT, f"There are no objects under the prefix: {prefix}")
    await filling.activate(context, table)
    done = {"ImportStatus": "COMPLETED", "EndTime": context.clock() / 1000}
    await records.change(context, IMPORTS, state["Key"], lambda current: {**current, **done})


def _reader_key(state: State) -> str:
    return f"{state['Key']}/{state['Part']}"


def _reader(context: Context, state: State, description: Body, table: Table) -> Reader:
    place = Place(*state["Place"])
    known = context.readers.get(_reader_key(state))
    if isinstance(known, Reader) and known.place == place:
        return known
    reader = Reader(context, requests.source(description, table, (state["Part"], _SHARES)), place)
    context.readers[_reader_key(state)] = reader
    return reader


async def _load(context: Context, table: Table, reader: Reader, state: State) -> State | None:
    """Load some batches; None when there is nothing left."""
    loading: asyncio.Task[None] | None = None
    following: State | None = None
    try:
        for _ in range(_BATCHES):
            batch = await reader.next(_BYTES)
            if batch is None:
                break
            parsed = await _parsed(table, batch)
            if loading is not None:
                await loading
            loading = asyncio.create_task(filling.load(context, table, parsed.rows))
            following = _counted(following or state, batch, parsed)
        if loading is not None:
            await loading
    except BaseException:
        context.readers.pop(_reader_key(state), None)
        if loading is not None:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
        raise
    return following


def _counted(state: State, batch: Batch, parsed: Parsed) -> State:
    return {
        **state,
        "Place": list(batch.place),
        "ProcessedSizeBytes": state["ProcessedSizeBytes"] + sum(map(len, batch.records)),
        "ProcessedItemCount": state["ProcessedItemCount"] + len(batch.records),
        "ImportedItemCount": state["ImportedItemCount"] + len(parsed.rows),
        "ErrorCount": state["ErrorCount"] + parsed.errors,
    }


async def _parsed(table: Table, batch: Batch) -> Parsed:
    rows: list[Row] = []
    problems = [batch.problem] if batch.problem is not None else []
    for first in range(0, len(batch.records), _SLICE):
        for record in batch.records[first : first + _SLICE]:
            try:
                rows.append(row(table, batch.parser, record))
            except (BadRecord, ServiceError) as error:
                problems.append(str(error))
        await asyncio.sleep(0)
    for problem in problems[:_LOGGED]:
        log.warning("Import of %s from %s: %s", table.definition.name, batch.place.object, problem)
    return Parsed(rows, len(problems))


def row(table: Table, parser: Parser, record: bytes) -> Row:
    """Return the row of a record. Raises BadRecord and ServiceError for what is no item of this table."""
    put = parser(record)
    new = NewItem(put["Item"], put[SIZE]) if SIZE in put else new_item(put["Item"])
    key = plain_key(table.schema, new.item) or keys.require_item_key(table.schema, new.item)
    if table.indexes or table.vectors:
        keys.check_index_keys(table, new.item)
    return key, new.body, new.size


async def _failed(context: Context, state: State, error: Exception) -> None:
    context.readers.pop(_reader_key(state), None)
    failed = {"ImportStatus": "FAILED", "EndTime": context.clock() / 1000, **records.failure(error)}
    await records.change(
        context, IMPORTS, state["Key"], lambda body: {**body, **failed} if body["ImportStatus"] == _RUNNING else None
    )
    table = await filling.find_filling(context, state["Namespace"], state["Table"], state["Space"])
    if table is not None:
        await filling.abandon(context, table)
