"""Putting the items of many objects into a table that others use at the same time.

Every record is put exactly once, however often a process dies: how far the work is stands in the store beside the
items, written by the same call (see `progress`). Which conditions fail is found out before that call, because it must
be written down with the rest; the call is given up when it meets another outcome under its locks, and all is decided
anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from extenddb.core.errors import ServiceError
from extenddb.core.types.capacity import write_units
from extenddb.core.types.keys import Key
from extenddb.engine import indexes
from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK, Body
from extenddb.engine.context import Context
from extenddb.engine.imports import bulk
from extenddb.engine.imports.feed import Feed
from extenddb.engine.imports.items import BadRecord
from extenddb.engine.imports.reading import Batch, Place, Reader
from extenddb.engine.jobs import progress
from extenddb.engine.jobs.backup import require_source
from extenddb.engine.jobs.beginning import on_record
from extenddb.engine.jobs.progress import NUMBER, Overtaken
from extenddb.engine.jobs.waiting import turns
from extenddb.engine.ops.put_item import plan_put
from extenddb.engine.retries import retrying
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import CONDITION_FAILED, NewItem, Write
from extenddb.storage.errors import SerializationFailure
from extenddb.storage.model import Decision, Mutation, PointRead, Put, Reject, Row

_BYTES = 256 * 1024  # of records put in one turn, in one transaction
_RECORDS = 400  # as well
_SLICE = 50  # records looked at before others get their turn
_LONGEST_PAUSE = 5.0  # seconds
_ATTEMPTS = 8  # to put records whose conditions others change meanwhile
_RUNNING = ("IN_PROGRESS", "CANCELLING")
_UNREPORTED, _CLOSED = "Unreported", "Closed"
"""Members of a state: reports to be written, by kind; how the operation ended, once nothing more is put."""

State = dict[str, Any]


class BulkGone(Exception):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """One record that is an item of the table."""

    write: Write
    new: NewItem
    record: bytes


@dataclass(slots=True)
class _Work:
    """One portion of records on its way."""

    batch: Batch
    puts: list[_Given] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    """Lines of the report on what is no item."""
    failed: set[int] = field(default_factory=set)
    """Numbers of the puts whose conditions do not hold."""

    def kept(self) -> Iterator[_Given]:
        """Yield what is put."""
        return (given for number, given in enumerate(self.puts) if number not in self.failed)


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
    batch = None if cancelled else await _feed(context, description, table, state).next(_RECORDS, _BYTES)
    if batch is None:
        ended = "CANCELLED" if cancelled else "COMPLETED_WITH_ERRORS" if state["Errors"] else "COMPLETED"
        return await _put(context, table, None, {**state, NUMBER: state[NUMBER] + 1, _CLOSED: ended})
    following = await _put(context, table, await _prepared(table, batch), state)
    await _paced(description, following["TableBytes"] - state["TableBytes"], began)
    return following


def _feed(context: Context, description: Body, table: Table, state: State) -> Feed:
    place = Place(*state["Place"])
    known = context.readers.get(state["Key"])
    if isinstance(known, Feed) and known.place == place:
        return known
    feed = Feed(Reader(context, bulk.source(description["InputS3Configuration"], table), place))
    context.readers[state["Key"]] = feed
    return feed


def _forget_reader(context: Context, state: State) -> None:
    context.readers.pop(state["Key"], None)


async def _prepared(table: Table, batch: Batch) -> _Work:
    """Make puts of the records."""
    work = _Work(batch)
    for first in range(0, len(batch.records), _SLICE):
        for record in batch.records[first : first + _SLICE]:
            try:
                write = plan_put(batch.parser(record)).bind(table)
            except (BadRecord, ServiceError) as error:
                message = error.message if isinstance(error, ServiceError) else str(error)
                work.errors.append(bulk.report_line(bulk.ERROR, batch.place.object, record, message))
                continue
            new = write.transform(None) if write.transform is not None else None
            assert new is not None  # noqa: S101  (a put)
            work.puts.append(_Given(write=write, new=new, record=record))
        await asyncio.sleep(0)
    if batch.problem is not None:
        work.errors.append(bulk.report_line(bulk.ERROR, batch.place.object, b"", batch.problem))
    return work


async def _put(context: Context, table: Table, work: _Work | None, state: State) -> State:
    """Put what is kept of some records and write down, by the same call, where that leads; return it.

    Without work the state itself is written down.
    """
    now = context.clock()
    for _ in range(_ATTEMPTS):
        following = state
        mutations: list[Mutation] = []
        if work is not None:
            work.failed = await _foreseen(context, work, now)
            following = _counted(table, work, state)
            mutations = [_as_foreseen(given.write.mutation(now)) for given in work.kept()]
        mutations.append(progress.reached(state["Key"], following))
        try:
            await retrying(partial(context.backend.items.mutate, mutations))
        except _Changed:
            continue
        except Overtaken:
            return await progress.latest(context, state["Key"], state)
        return following
    raise SerializationFailure("the conditions of a bulk put are changed by many at the same time")


async def _foreseen(context: Context, work: _Work, now: int) -> set[int]:
    """Return the numbers of the puts whose conditions do not hold, each put seeing those before it."""
    watched = [given.write for given in work.puts if given.write.condition is not None]
    if not watched:
        return set()
    keys = [*dict.fromkeys(write.key for write in watched)]
    rows = await context.items.get_many([PointRead(watched[0].table.space, key) for key in keys])
    current: dict[Key, Row | None] = dict(zip(keys, rows, strict=True))
    failed = set()
    for number, given in enumerate(work.puts):
        key = given.write.key
        if key not in current:
            continue
        decision = given.write.decide(current[key], now)
        if isinstance(decision, Reject):
            failed.add(number)
        elif isinstance(decision, Put):
            current[key] = Row(key, decision.item, decision.size, 0)
    return failed


def _as_foreseen(mutation: Mutation) -> Mutation:
    """Return a mutation that gives the whole call up instead of rejecting its item."""
    if mutation.blind:
        return mutation

    def decide(row: Row | None) -> Decision:
        decision = mutation.decide(row)
        if isinstance(decision, Reject):
            raise _Changed
        return decision

    return Mutation(mutation.space, mutation.key, decide)


def _counted(table: Table, work: _Work, state: State) -> State:
    """Return the state behind some records."""
    size, by_index = state["TableBytes"], dict(state["IndexBytes"])
    for given in work.kept():
        size += given.new.size
        for index in table.indexes:
            entry = indexes.entry(index, given.new.item)
            if entry is not None:
                by_index[index.name] = by_index.get(index.name, 0) + (entry.size or given.new.size)
    conditions = [
        bulk.report_line(bulk.CONDITION, work.batch.place.object, work.puts[number].record, CONDITION_FAILED)
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
        "TableBytes": size,
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
