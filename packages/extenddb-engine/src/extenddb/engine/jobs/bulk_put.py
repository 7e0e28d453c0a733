"""Putting the items of many objects into a table that others use at the same time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from extenddb.core.errors import CONDITIONAL_CHECK_FAILED, ServiceError
from extenddb.core.types.attribute import equal
from extenddb.core.types.capacity import write_units
from extenddb.engine import codec, indexes, write_path
from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK, Body
from extenddb.engine.context import Context
from extenddb.engine.imports import bulk
from extenddb.engine.imports.items import BadRecord
from extenddb.engine.imports.reading import Batch, Place, Reader
from extenddb.engine.jobs.backup import require_source
from extenddb.engine.jobs.waiting import turns
from extenddb.engine.ops.put_item import plan_put
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Write, Written
from extenddb.storage.model import Decision, Reject, Row

_BYTES = 1024 * 1024  # of records written in one turn
_SLICE = 50  # records looked at before others get their turn
_LONGEST_PAUSE = 5.0  # seconds

State = dict[str, Any]


class BulkGone(Exception):
    """The operation is no longer on record."""


def bulk_state(table: Table, key: str) -> State:
    """Return the state of a job that puts items."""
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "Key": key,
        "Place": ["", 0],
        "Items": 0,
        "InputBytes": 0,
        "Failed": 0,
        "Errors": 0,
        "TableBytes": 0,
        "IndexBytes": {},
        "Reports": [],
    }


@dataclass(slots=True)
class _Work:
    """One batch on its way."""

    description: Body
    batch: Batch
    repeated: bool
    """A process that died may have done it already."""
    writes: list[tuple[Write, bytes]] = field(default_factory=list)
    lines: dict[str, list[bytes]] = field(default_factory=lambda: {bulk.ERROR: [], bulk.CONDITION: []})
    errors: int = 0

    def report(self, kind: str, record: bytes, message: str) -> None:
        """Note what was not written."""
        self.errors += kind == bulk.ERROR
        self.lines[kind].append(bulk.report_line(kind, self.batch.place.object, record, message))


async def bulk_put(context: Context, state: State) -> State | None:
    """Work on a bulk put for a while."""
    following = await turns(context, state, _turn, _failed)
    if following is not None:
        table = await require_source(context, state)
        progress = _progress(table, following)
        await records.change(context, BULK, state["Key"], lambda body: {**body, **progress})
    return following


def _progress(table: Table, state: State) -> Body:
    return {
        "ProcessedItemCount": state["Items"],
        "ProcessedInputBytes": state["InputBytes"],
        "FailedItemCount": state["Failed"],
        "BulkOperationUsage": bulk.usage(table, state),
    }


async def _turn(context: Context, state: State) -> State | None:
    began = time.monotonic()
    description = await records.find(context, BULK, state["Key"])
    if description is None:
        raise BulkGone(state["Key"])
    table = await require_source(context, state)
    if description["BulkOperationStatus"] == "CANCELLING":
        await _finish(context, table, state, "CANCELLED")
        return None
    reader, repeated = _reader(context, description, table, state)
    batch = await reader.next(_BYTES)
    if batch is None:
        await _finish(context, table, state, "COMPLETED_WITH_ERRORS" if state["Errors"] else "COMPLETED")
        return None
    work = _Work(description, batch, repeated)
    await _prepare(table, work)
    following = await _written(context, table, work, state)
    await _paced(description, following["TableBytes"] - state["TableBytes"], began)
    return following


def _reader(context: Context, description: Body, table: Table, state: State) -> tuple[Reader, bool]:
    place = Place(*state["Place"])
    known = context.readers.get(state["Key"])
    if isinstance(known, Reader) and known.place == place:
        return known, False
    reader = Reader(context, bulk.source(description["InputS3Configuration"], table), place)
    context.readers[state["Key"]] = reader
    return reader, True


async def _prepare(table: Table, work: _Work) -> None:
    """Make writes of the records."""
    for first in range(0, len(work.batch.records), _SLICE):
        for record in work.batch.records[first : first + _SLICE]:
            try:
                work.writes.append((plan_put(work.batch.parser(record)).bind(table), record))
            except (BadRecord, ServiceError) as error:
                message = error.message if isinstance(error, ServiceError) else str(error)
                work.report(bulk.ERROR, record, message)
        await asyncio.sleep(0)
    if work.batch.problem is not None:
        work.report(bulk.ERROR, b"", work.batch.problem)


async def _written(context: Context, table: Table, work: _Work, state: State) -> State:
    now = context.clock()
    decisions = await context.items.mutate_many([write.mutation(now) for write, _ in work.writes])
    size, by_index = state["TableBytes"], dict(state["IndexBytes"])
    for (write, record), decision in zip(work.writes, decisions, strict=True):
        if isinstance(decision, Exception):
            raise decision
        written = await _settle(context, work, write, record, decision)
        if written is None or written.new is None:
            continue
        size += written.new.size
        for index in table.indexes:
            entry = indexes.entry(index, written.new.item)
            if entry is not None:
                by_index[index.name] = by_index.get(index.name, 0) + (entry.size or written.new.size)
    reports = await _reported(context, work, state["Reports"])
    return {
        **state,
        "Place": list(work.batch.place),
        "Items": state["Items"] + len(work.batch.records),
        "InputBytes": state["InputBytes"] + sum(map(len, work.batch.records)),
        "Failed": state["Failed"] + sum(map(len, work.lines.values())),
        "Errors": state["Errors"] + work.errors,
        "TableBytes": size,
        "IndexBytes": by_index,
        "Reports": reports,
    }


async def _settle(context: Context, work: _Work, write: Write, record: bytes, decision: Decision) -> Written | None:
    """Return what was written of a record; None when nothing was, which is reported."""
    try:
        return write_path.require_written(decision)
    except ServiceError as error:
        if error.kind is not CONDITIONAL_CHECK_FAILED:
            work.report(bulk.ERROR, record, error.message)
            return None
        if work.repeated and isinstance(decision, Reject):
            row = await context.items.get(write.table.space, write.key)
            written = _done_before(write, row)
            if written is not None:
                return written
        work.report(bulk.CONDITION, record, error.message)
        return None


def _done_before(write: Write, row: Row | None) -> Written | None:
    """Return a write that a process made before it died: its condition held, and now the item is there."""
    new = write.transform(None) if write.transform is not None else None
    if row is None or new is None or not equal({"M": codec.load(row.item)}, {"M": new.item}):
        return None
    return Written(row, None, new)


async def _reported(context: Context, work: _Work, reports: list[Body]) -> list[Body]:
    """Write the reports that are asked for. Their names follow from their number: a repeated turn writes them again."""
    bucket, folder = bulk.report_place(work.description)
    wanted = work.description["OutputS3Configuration"]["OutputType"]
    found = list(reports)
    for kind, lines in work.lines.items():
        if lines and kind in wanted:
            key = f"{folder}data/{kind.lower().replace('_', '-')}-{len(found):06d}.json"
            tag = await context.buckets.put(bucket, key, b"".join(lines))
            found.append({"outputType": kind, "itemCount": len(lines), "etag": tag, "dataFileS3Key": key})
    return found


async def _paced(description: Body, size: int, began: float) -> None:
    """Wait so that no more than MaxWriteRequestUnits are written in a second."""
    most = description.get("MaxWriteRequestUnits")
    if most:
        due = write_units(size) / most - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, min(due, _LONGEST_PAUSE)))


async def _finish(context: Context, table: Table, state: State, status: str) -> None:
    context.readers.pop(state["Key"], None)
    done = {"BulkOperationStatus": status, "EndTime": context.clock() / 1000, **_progress(table, state)}
    body = await records.find(context, BULK, state["Key"])
    if body is not None:
        manifest = bulk.manifest({**body, **done}, state["Reports"])
        bucket, folder = bulk.report_place(body)
        await context.buckets.put(bucket, f"{folder}manifest-summary.json", manifest)
    await records.change(context, BULK, state["Key"], lambda body: {**body, **done})


async def _failed(context: Context, state: State, error: Exception) -> None:
    context.readers.pop(state["Key"], None)
    failed = {"BulkOperationStatus": "FAILED", "EndTime": context.clock() / 1000, **records.failure(error)}
    await records.change(context, BULK, state["Key"], lambda body: {**body, **failed})
