"""Importing objects of a bucket into a new table."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

from extenddb.core.errors import RESOURCE_IN_USE, ServiceError
from extenddb.core.types.keys import Key
from extenddb.engine import keys
from extenddb.engine.backups import records, starting
from extenddb.engine.backups.records import IMPORTS, Body
from extenddb.engine.buckets import NO_OBJECT, BucketError
from extenddb.engine.context import Context
from extenddb.engine.imports import request as requests
from extenddb.engine.imports.items import SIZE, BadRecord, Parser
from extenddb.engine.imports.plain import plain_key
from extenddb.engine.imports.reading import Batch, Place, Reader
from extenddb.engine.jobs.beginning import job_key
from extenddb.engine.jobs.runner import KIND, find_job, write_job
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
_BEGIN = "Begin"
"""Member of the first share's state until the import has begun: descriptions of the table and of the import."""

State = dict[str, Any]
Row = tuple[Key, bytes, int]


class ImportGone(Exception):
    """The import is no longer on record."""


class Parsed(NamedTuple):
    """What a batch of records holds."""

    rows: list[Row]
    errors: int


async def begin_import(
    context: Context, namespace: str, key: str, table: Body, import_: Body
) -> tuple[Body, list[str]]:
    """Begin an import into a table of that description; return the import's description and the keys of its jobs.

    The first share's job is written before all else and holds what is to be made: the table, the record, and the jobs
    of the other shares. Repeated for the same key it goes on with what was begun first. Raises ResourceInUseException.
    """
    jobs = [_job(key, part) for part in range(_SHARES)]
    first = {**_state(starting.planned(context, namespace, table), key, 0), _BEGIN: [table, import_]}
    begun: State | None = first
    if not await write_job(context, "import", first, jobs[0]):
        begun = await find_job(context, jobs[0])
    if begun is not None and _BEGIN in begun:
        table, import_ = begun[_BEGIN]
        try:
            await _begin(context, begun)
        except ServiceError:
            await context.backend.documents.delete(KIND, jobs[0])
            raise
        return import_, jobs
    return await records.find(context, IMPORTS, key) or import_, jobs


def _job(key: str, part: int) -> str:
    return f"{job_key(key)}/{part}"


def _state(table: Table, key: str, part: int) -> State:
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "Key": key,
        "Part": part,
        "Place": ["", 0],
        **dict.fromkeys(_COUNTS, 0),
    }


async def _begin(context: Context, state: State) -> None:
    """Make what is missing of an import. Raises ResourceInUseException when the name is taken by another table."""
    description, import_ = state[_BEGIN]
    table, key = starting.planned(context, state["Namespace"], description), state["Key"]
    if await records.find(context, IMPORTS, key) is None:
        taken = ServiceError(RESOURCE_IN_USE, f"Table already exists: {table.definition.name}")
        await starting.create(context, table, taken)
        await records.create(context, IMPORTS, key, import_)
    for part in range(1, _SHARES):
        await write_job(context, "import", _state(table, key, part), _job(key, part))


async def import_table(context: Context, state: State) -> State | None:
    """Work on a share of an import for a while."""
    if _BEGIN in state:
        try:
            await _begin(context, state)
        except ServiceError:
            return None  # the request was told so
        return {name: value for name, value in state.items() if name != _BEGIN}
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
    if body["ImportStatus"] == _RUNNING:
        known = body.get(requests.PARTS, {}).get(str(state["Part"]), {})
        if table is not None and not known.get("Done"):
            following = await _load(context, table, _reader(context, state, body, table), state)
            if following is not None:
                return following
            body = await _note(context, state, done=True) or body
        await _close(context, table, body, state)
    elif table is not None:  # whoever failed died before it had removed the table
        await filling.abandon(context, table)
    context.readers.pop(_reader_key(state), None)
    return None


async def _close(context: Context, table: Table | None, body: Body, state: State) -> None:
    """End the import when this share was the last; the table is no longer being filled if another opened it already."""
    parts = body.get(requests.PARTS, {}).values()
    if len(parts) < _SHARES or not all(part["Done"] for part in parts):
        return
    if not any(part["Found"] for part in parts):
        prefix = body["S3BucketSource"].get("S3KeyPrefix") or ""
        raise BucketError(NO_OBJECT, f"There are no objects under the prefix: {prefix}")
    if table is not None:
        await filling.activate(context, table)
    done = {"ImportStatus": "COMPLETED", "EndTime": context.clock() / 1000}
    await records.change(
        context, IMPORTS, state["Key"], lambda now: {**now, **done} if now["ImportStatus"] == _RUNNING else None
    )


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
