"""Importing objects of a bucket into a new table."""

from __future__ import annotations

import logging
import time
from typing import Any

from extenddb.core.errors import RESOURCE_IN_USE, ServiceError
from extenddb.engine.backups import records, starting
from extenddb.engine.backups.records import IMPORTS, Body
from extenddb.engine.context import Context
from extenddb.engine.imports import request as requests
from extenddb.engine.imports.reading import Batch, Place, Reader
from extenddb.engine.imports.rows import Parsed, Rows, put_row
from extenddb.engine.jobs.beginning import job_key
from extenddb.engine.jobs.runner import KIND, find_job, write_job
from extenddb.engine.jobs.waiting import Ended, turn_end, turns
from extenddb.engine.tables import filling
from extenddb.engine.tables.table import Table
from extenddb.storage.model import NewRow

log = logging.getLogger("extenddb.engine.imports")

_BYTES = 2 * 1024 * 1024  # of records loaded at a time; while one batch is loaded the next is read
_SHARES = 4  # jobs of one import: as many processes can work on it when there are several objects
_RUNNING = "IN_PROGRESS"
_COUNTS = ("ProcessedSizeBytes", "ProcessedItemCount", "ImportedItemCount", "ErrorCount")
_COMPLETE = {"ImportStatus": "COMPLETED"}
_FAULTY = {
    "ImportStatus": "FAILED",
    "FailureCode": "ItemValidationError",
    "FailureMessage": (
        "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for "
        "more details."
    ),
}
_LOGGED = 10  # faulty records of one batch that are written to the log
_BEGIN = "Begin"
"""Member of the first share's state until the import has begun: descriptions of the table and of the import."""

State = dict[str, Any]


class ImportGone(Ended):
    """The import is no longer on record."""


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
    if not await write_job(context, "import", first, jobs[0], group=key):
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
        await write_job(context, "import", _state(table, key, part), _job(key, part), group=key)


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
    part = {**{member: state[member] for member in _COUNTS}, "Done": done}

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
        if not await _close(context, table, body, state):
            return state
    elif table is not None:  # whoever failed died before it had removed the table
        await filling.abandon(context, table)
    _forget(context, state)
    return None


async def _close(context: Context, table: Table | None, body: Body, state: State) -> bool:
    """End the import when this share was the last; False when the table is not ready yet.

    Faulty records make it an import that failed, and keeps the others. The table is no longer being filled if another
    opened it already.
    """
    parts = body.get(requests.PARTS, {}).values()
    if len(parts) < _SHARES or not all(part["Done"] for part in parts):
        return True
    if table is not None:
        if not await filling.built(context, table):
            return False
        await filling.activate(context, table)
    done = {"EndTime": context.clock() / 1000, **(_FAULTY if body["ErrorCount"] else _COMPLETE)}
    await records.change(
        context, IMPORTS, state["Key"], lambda now: {**now, **done} if now["ImportStatus"] == _RUNNING else None
    )
    return True


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


def _rows(context: Context, state: State, table: Table) -> Rows[NewRow]:
    """Return what makes rows of all shares of an import in this process: they learn from each other."""
    known = context.readers.get(state["Key"])
    if not isinstance(known, Rows):
        known = context.readers[state["Key"]] = Rows(table, put_row)
    return known


def _forget(context: Context, state: State) -> None:
    """Forget what a share was in the middle of, and with the last one what they had learned."""
    context.readers.pop(_reader_key(state), None)
    if not any(f"{state['Key']}/{part}" in context.readers for part in range(_SHARES)):
        context.readers.pop(state["Key"], None)


async def _load(context: Context, table: Table, reader: Reader, state: State) -> State | None:
    """Load batches for a while; None when there is nothing left."""
    rows = _rows(context, state, table)
    following: State | None = None
    end = turn_end(context)
    try:
        async with filling.Loading(context, table) as loading:
            while following is None or time.monotonic() < end:
                batch = await reader.next(_BYTES)
                if batch is None:
                    break
                parsed = await rows.parsed(batch)
                _log(table, batch, parsed)
                new = [row for row in parsed.rows if row is not None]
                await loading.load(new)
                following = _counted(following or state, batch, len(new))
    except BaseException:
        _forget(context, state)
        raise
    return following


def _log(table: Table, batch: Batch, parsed: Parsed[NewRow]) -> None:
    problems = [*parsed.problems.values(), *filter(None, [batch.problem])]
    for problem in problems[:_LOGGED]:
        log.warning("Import of %s from %s: %s", table.definition.name, batch.place.object, problem)


def _counted(state: State, batch: Batch, imported: int) -> State:
    errors = len(batch.records) - imported + (batch.problem is not None)
    return {
        **state,
        "Place": list(batch.place),
        "ProcessedSizeBytes": state["ProcessedSizeBytes"] + sum(map(len, batch.records)),
        "ProcessedItemCount": state["ProcessedItemCount"] + len(batch.records),
        "ImportedItemCount": state["ImportedItemCount"] + imported,
        "ErrorCount": state["ErrorCount"] + errors,
    }


async def _failed(context: Context, state: State, error: Exception) -> None:
    _forget(context, state)
    failed = {"ImportStatus": "FAILED", "EndTime": context.clock() / 1000, **records.failure(error)}
    await records.change(
        context, IMPORTS, state["Key"], lambda body: {**body, **failed} if body["ImportStatus"] == _RUNNING else None
    )
    table = await filling.find_filling(context, state["Namespace"], state["Table"], state["Space"])
    if table is not None:
        await filling.abandon(context, table)
