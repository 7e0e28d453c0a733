"""Filling a restored table, from a backup or from a table as it was."""

from __future__ import annotations

import time
from typing import Any

from extenddb.core.errors import TABLE_ALREADY_EXISTS, ServiceError
from extenddb.engine import codec
from extenddb.engine.backups import starting, undo
from extenddb.engine.backups.undo import View
from extenddb.engine.context import Context
from extenddb.engine.jobs import runner
from extenddb.engine.jobs.backup import SourceGone, require_source
from extenddb.engine.jobs.waiting import turn_end, turns
from extenddb.engine.tables import filling
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Page, Position, ScanRead, Space

_ROWS = 2000
_BYTES = 4 * 1024 * 1024
_RECORDS = 10_000  # of the log, in one turn
_JOBS = 1000  # looked through

_TABLE = "Create"
"""Member of a state until the table to fill is there: its description."""

State = dict[str, Any]


def from_backup(target: Table, backup_key: str, space: Space) -> State:
    """Return the state of a job that fills a table from a backup."""
    return {**_target(target), "Phase": "backup", "Backup": backup_key, "From": [space.id, space.epoch]}


def from_table(target: Table, source: Table, *, stream: str, since: int, id_: str) -> State:
    """Return the state of a job that fills a table from another as it was before a time in milliseconds."""
    return {
        **_target(target),
        "Phase": "fold",
        "Source": {
            "Namespace": source.record.namespace,
            "Table": source.definition.name,
            "Space": source.space.id,
        },
        "Stream": stream,
        "Since": since,
        "Id": id_,
        "Barrier": None,
        "Folded": 0,
    }


def _target(table: Table) -> State:
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "After": None,
        _TABLE: table.description,
    }


async def begin_restore(context: Context, target: Table, state: State) -> str:
    """Start the job of a restore, make the table it fills, and return the job's key. Raises
    TableAlreadyExistsException.

    The job is written first: a process may die before the table is made, and a table without a job would wait for ever.
    """
    job = await runner.start_job(context, "restore", state)
    try:
        await _create(context, target)
    except ServiceError:
        await context.backend.documents.delete(runner.KIND, job)
        raise
    return job


async def is_restored_from(context: Context, backup_key: str) -> bool:
    """Tell whether a table is being restored from a backup."""
    jobs = await context.backend.documents.list(runner.KIND, limit=_JOBS)
    return any(codec.parse(job.body)["State"].get("Backup") == backup_key for job in jobs)


async def _create(context: Context, target: Table) -> None:
    name = target.definition.name
    await starting.create(context, target, ServiceError(TABLE_ALREADY_EXISTS, f"Table already exists: {name}"))


async def restore(context: Context, state: State) -> State | None:
    """Work on a restore for a while."""
    if _TABLE not in state:
        return await turns(context, state, _turn, _failed)
    try:
        await _create(context, starting.planned(context, state["Namespace"], state[_TABLE]))
    except ServiceError:
        return None  # the request was told so
    return {name: value for name, value in state.items() if name != _TABLE}


async def _turn(context: Context, state: State) -> State | None:
    target = await filling.find_filling(context, state["Namespace"], state["Table"], state["Space"])
    if target is None:
        await _clean(context, state)
        return None
    return await _PHASES[state["Phase"]](context, state, target)


async def _from_backup(context: Context, state: State, target: Table) -> State | None:
    after = undo.position(state["After"])
    id_, epoch = state["From"]
    end = turn_end(context)
    async with filling.Loading(context, target) as loading:
        while True:
            page = await _page(context, Space(id=id_, epoch=epoch), after)
            rows = [filling.new_row(target, row.key, row.item, row.size) for row in page.rows]
            await loading.load(rows)
            if not page.stopped or time.monotonic() >= end:
                break
            after = Position(rows[-1].key)
    if page.stopped:
        return {**state, "After": undo.place(rows[-1].key)}
    return {**state, "Phase": "open"}


async def _page(context: Context, space: Space, after: Position | None) -> Page:
    try:
        return await context.backend.items.scan(ScanRead(space=space, after=after, limit=_ROWS, max_bytes=_BYTES))
    except SchemaMismatch:
        raise SourceGone("the backup was removed") from None


def view(table: Table, state: State) -> View:
    """Return what a job that goes back in time reads."""
    return View(
        table=table,
        stream=state["Stream"],
        undo=undo.undo_space(state["Id"]),
        since=state["Since"],
        barrier=state["Barrier"],
    )


async def begin(context: Context, state: State, following: str) -> State:
    """Gather more of the log; when it is all there, the state goes on to the phase `following`."""
    if state["Barrier"] is None:
        await undo.prepare_space(context, undo.undo_space(state["Id"]))
        barrier = await context.backend.streams.last(state["Stream"])
        folded = await undo.first_sequence(context, state["Stream"], state["Since"])
        return {**state, "Barrier": barrier, "Folded": folded}
    source = await require_source(context, state.get("Source", state))
    folded, done = await undo.fold(context, view(source, state), state["Folded"], most=_RECORDS)
    return {**state, "Folded": folded, "Phase": following if done else state["Phase"]}


async def _fold(context: Context, state: State, _target: Table) -> State | None:
    return await begin(context, state, "copy")


async def _copy(context: Context, state: State, target: Table) -> State | None:
    source = await require_source(context, state["Source"])
    following = state
    end = turn_end(context)
    async with filling.Loading(context, target) as loading:
        while True:
            items, following = await undo.page(context, view(source, state), following, limit=_ROWS, max_bytes=_BYTES)
            await loading.load([filling.new_row(target, *item) for item in items])
            if following["Done"] or time.monotonic() >= end:
                break
    return following if not following["Done"] else {**following, "Phase": "open"}


async def _open(context: Context, state: State, target: Table) -> State | None:
    if not await filling.built(context, target):
        return state
    await filling.activate(context, target)
    await _clean(context, state)
    return None


async def _clean(context: Context, state: State) -> None:
    if "Id" in state:
        await undo.drop_space(context, undo.undo_space(state["Id"]))


async def _failed(context: Context, state: State, _error: Exception) -> None:
    target = await filling.find_filling(context, state["Namespace"], state["Table"], state["Space"])
    if target is not None:
        await filling.abandon(context, target)
    await _clean(context, state)


_PHASES = {"backup": _from_backup, "fold": _fold, "copy": _copy, "open": _open}
