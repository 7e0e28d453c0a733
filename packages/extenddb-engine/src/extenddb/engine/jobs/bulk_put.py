"""Putting the items of many objects into a table that others use at the same time.

Every record is put exactly once, however often a process dies: how far the work is stands in the store beside the
items, written by the same call (see `progress`). Which conditions fail is found out before that call, because it must
be written down with the rest; the call is given up when it meets another outcome under its locks, and all is decided
anew.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, NamedTuple

from extenddb.core.types.capacity import write_units
from extenddb.core.types.keys import Key
from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK, Body
from extenddb.engine.context import Context
from extenddb.engine.imports import bulk
from extenddb.engine.imports.feed import Feed
from extenddb.engine.imports.reading import Place, Reader
from extenddb.engine.imports.rows import Rows
from extenddb.engine.jobs import progress
from extenddb.engine.jobs.backup import require_source
from extenddb.engine.jobs.beginning import on_record
from extenddb.engine.jobs.bulk_writes import Work, decide, maker, mutation, prepared, sizes
from extenddb.engine.jobs.progress import NUMBER, Overtaken
from extenddb.engine.jobs.waiting import Ended, turns
from extenddb.engine.retries import retrying
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import CONDITION_FAILED, Write
from extenddb.storage.errors import SerializationFailure
from extenddb.storage.model import Decision, Mutation, PointRead, Put, Reject, Row

_BYTES = 256 * 1024  # of records put in one turn, in one transaction
_RECORDS = 400  # as well
_LONGEST_PAUSE = 5.0  # seconds
_ATTEMPTS = 8  # to put records whose conditions others change meanwhile
_RUNNING = ("IN_PROGRESS", "CANCELLING")
_UNREPORTED, _CLOSED = "Unreported", "Closed"
"""Members of a state: reports to be written, by kind; how the operation ended, once nothing more is put."""

State = dict[str, Any]


class BulkGone(Ended):
    """The operation is no longer on record."""


class _Changed(Exception):
    """A condition holds, or does not, otherwise than foreseen."""


def bulk_state(table: Table, key: str) -> State:
    """Return the state of a job that puts items."""
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "Key": key,
        NUMBER: 0,
        "Place": ["", 0],
        "Items": 0,
        "InputBytes": 0,
        "Failed": 0,
        "Errors": 0,
        "TableBytes": 0,
        "IndexBytes": {},
        "Reports": [],
    }


class _Held(NamedTuple):
    """What a process keeps of an operation between its steps."""

    feed: Feed
    rows: Rows[Write]


async def bulk_put(context: Context, state: State) -> State | None:
    """Work on a bulk put for a while."""
    begun = await on_record(context, BULK, state)
    if begun is not None:
        return begun
    following = await turns(context, state, _turn, _failed)
    table = await context.tables.load(state["Namespace"], state["Table"])
    if following is not None and table is not None:
        await _change(context, following, _told(table, following))
    return following


def _told(table: Table, state: State) -> Body:
    """Return how far a bulk put is, as its description tells it."""
    return {
        "ProcessedItemCount": state["Items"],
        "ProcessedInputBytes": state["InputBytes"],
        "FailedItemCount": state["Failed"],
        "BulkOperationUsage": bulk.usage(table, state),
    }


async def _change(context: Context, state: State, members: Body) -> None:
    """Change the description of an operation that is under way."""
    await records.change(context, BULK, state["Key"], lambda body: {**body, **members} if _is_running(body) else None)


def _is_running(body: Body) -> bool:
    return body["BulkOperationStatus"] in _RUNNING


async def _turn(context: Context, state: State) -> State | None:
    began = time.monotonic()
    description = await records.find(context, BULK, state["Key"])
    if description is None:
        raise BulkGone(state["Key"])
    if not _is_running(description):
        _forget_reader(context, state)
        return None
    table = await require_source(context, state)
    state = await _reported(context, description, await progress.latest(context, state["Key"], state))
    if _CLOSED in state:
        await _finish(context, table, description, state)
        return None
    cancelled = description["BulkOperationStatus"] == "CANCELLING"
    feed, rows = _held(context, description, table, state)
    batch = None if cancelled else await feed.next(_RECORDS, _BYTES)
    if batch is None:
        ended = "CANCELLED" if cancelled else "COMPLETED_WITH_ERRORS" if state["Errors"] else "COMPLETED"
        return await _put(context, table, None, {**state, NUMBER: state[NUMBER] + 1, _CLOSED: ended})
    following = await _put(context, table, await prepared(rows, batch), state)
    await _paced(description, following["TableBytes"] - state["TableBytes"], began)
    return following


def _held(context: Context, description: Body, table: Table, state: State) -> _Held:
    place = Place(*state["Place"])
    known = context.readers.get(state["Key"])
    feed = rows = None
    if isinstance(known, _Held):
        feed = known.feed if known.feed.place == place else None
        rows = known.rows if known.rows.table.record == table.record else None
    held = _Held(
        feed or Feed(Reader(context, bulk.source(description["InputS3Configuration"], table), place)),
        rows or maker(table),
    )
    context.readers[state["Key"]] = held
    return held


def _forget_reader(context: Context, state: State) -> None:
    context.readers.pop(state["Key"], None)


async def _put(context: Context, table: Table, work: Work | None, state: State) -> State:
    """Put what is kept of some records and write down, by the same call, where that leads; return it.

    Without work the state itself is written down.
    """
    now = context.clock()
    for _ in range(_ATTEMPTS):
        following = state
        mutations: list[Mutation] = []
        if work is not None:
            work.failed = await _foreseen(context, table, work, now)
            following = _counted(table, work, state)
            mutations = [_as_foreseen(mutation(table, made, now)) for made in work.kept()]
        mutations.append(progress.reached(state["Key"], following))
        try:
            await retrying(partial(context.backend.items.mutate, mutations))
        except _Changed:
            continue
        except Overtaken:
            return await progress.latest(context, state["Key"], state)
        return following
    raise SerializationFailure("the conditions of a bulk put are changed by many at the same time")


async def _foreseen(context: Context, table: Table, work: Work, now: int) -> set[int]:
    """Return the numbers of the puts whose conditions do not hold, each put seeing those before it."""
    conditional = (made for made, _ in work.puts if isinstance(made, Write) and made.condition is not None)
    keys = [*dict.fromkeys(write.key for write in conditional)]
    if not keys:
        return set()
    rows = await context.items.get_many([PointRead(table.space, key) for key in keys])
    current: dict[Key, Row | None] = dict(zip(keys, rows, strict=True))
    failed = set()
    for number, (made, _) in enumerate(work.puts):
        key = made.key
        if key not in current:
            continue
        decision = decide(table, made, current[key], now_ms=now)
        if isinstance(decision, Reject):
            failed.add(number)
        elif isinstance(decision, Put):
            current[key] = Row(key, decision.item, decision.size, 0)
    return failed


def _as_foreseen(made: Mutation) -> Mutation:
    """Return a mutation that gives the whole call up instead of rejecting its item."""
    if made.blind:
        return made

    def decided(row: Row | None) -> Decision:
        decision = made.decide(row)
        if isinstance(decision, Reject):
            raise _Changed
        return decision

    return Mutation(made.space, made.key, decided)


def _counted(table: Table, work: Work, state: State) -> State:
    """Return the state behind some records."""
    total, by_index = state["TableBytes"], dict(state["IndexBytes"])
    names = {index.id: index.name for index in table.indexes}
    for made in work.kept():
        size, entries = sizes(table, made)
        total += size
        for id_, entry in entries:
            if id_ in names:
                by_index[names[id_]] = by_index.get(names[id_], 0) + (entry.size or size)
    conditions = [
        bulk.report_line(bulk.CONDITION, work.batch.place.object, work.puts[number][1], CONDITION_FAILED)
        for number in sorted(work.failed)
    ]
    lines = {bulk.ERROR: work.errors, bulk.CONDITION: conditions}
    return {
        **state,
        NUMBER: state[NUMBER] + 1,
        "Place": list(work.batch.place),
        "Items": state["Items"] + len(work.batch.records),
        "InputBytes": state["InputBytes"] + sum(map(len, work.batch.records)),
        "Failed": state["Failed"] + len(work.errors) + len(conditions),
        "Errors": state["Errors"] + len(work.errors),
        "TableBytes": total,
        "IndexBytes": by_index,
        _UNREPORTED: {kind: [line.decode() for line in found] for kind, found in lines.items() if found},
    }


async def _reported(context: Context, description: Body, state: State) -> State:
    """Write the reports on what was not put, as far as they are asked for, and return the state behind.

    Their names follow from their number, and what they say was decided: a repeated turn writes them again.
    """
    if not state.get(_UNREPORTED):
        return state
    bucket, folder = bulk.report_place(description)
    wanted = description["OutputS3Configuration"]["OutputType"]
    found = list(state["Reports"])
    for kind, lines in state[_UNREPORTED].items():
        if kind in wanted:
            key = f"{folder}data/{kind.lower().replace('_', '-')}-{len(found):06d}.json"
            tag = await context.buckets.put(bucket, key, "".join(lines).encode())
            found.append({"outputType": kind, "itemCount": len(lines), "etag": tag, "dataFileS3Key": key})
    return {**state, "Reports": found, _UNREPORTED: {}}


async def _paced(description: Body, size: int, began: float) -> None:
    """Wait so that no more than MaxWriteRequestUnits are written in a second."""
    most = description.get("MaxWriteRequestUnits")
    if most:
        due = write_units(size) / most - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, min(due, _LONGEST_PAUSE)))


async def _finish(context: Context, table: Table, description: Body, state: State) -> None:
    _forget_reader(context, state)
    done = {**_told(table, state), "BulkOperationStatus": state[_CLOSED], "EndTime": context.clock() / 1000}
    manifest = bulk.manifest({**description, **done}, state["Reports"])
    bucket, folder = bulk.report_place(description)
    await context.buckets.put(bucket, f"{folder}manifest-summary.json", manifest)
    await _change(context, state, done)


async def _failed(context: Context, state: State, error: Exception) -> None:
    _forget_reader(context, state)
    failed = {"BulkOperationStatus": "FAILED", "EndTime": context.clock() / 1000, **records.failure(error)}
    await _change(context, state, failed)
