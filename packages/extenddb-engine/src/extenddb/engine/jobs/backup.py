"""Making a backup: the table as it was at one moment, copied while everybody goes on writing.

From the moment its capture is in the table's document every write leaves the old item in a log of the backup's own;
what is copied is the table with all of that log undone, which is the table at that very moment.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

from extenddb.engine.backups import backup, records, undo
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.backups.undo import Item, View
from extenddb.engine.context import Context
from extenddb.engine.jobs.beginning import on_record
from extenddb.engine.jobs.waiting import Ended, turns
from extenddb.engine.retries import retrying
from extenddb.engine.tables import filling
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.table import Table
from extenddb.storage.model import Mutation, NewRow, Put, Space

_ROWS = 1000
_BYTES = 4 * 1024 * 1024

State = dict[str, Any]


class SourceGone(Ended):
    """The table was removed while it was being read."""


def backup_state(table: Table, key: str, id_: str, stream: str) -> State:
    """Return the state of a job that makes a backup."""
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "Key": key,
        "Id": id_,
        "Stream": stream,
        "Phase": "capture",
        "Folded": 0,
        "After": None,
        "Items": 0,
        "Bytes": 0,
    }


async def make_backup(context: Context, state: State) -> State | None:
    """Work on a backup for a while."""
    begun = await on_record(context, BACKUPS, state)
    if begun is not None:
        return begun
    following = await turns(context, state, lambda context, state: _PHASES[state["Phase"]](context, state), _failed)
    if following is not None and following["Phase"] == "copy":
        await records.change(
            context,
            BACKUPS,
            following["Key"],
            lambda body: backup.with_details(body, BackupSizeBytes=following["Bytes"]),
        )
    return following


async def begin_capture(context: Context, state: State) -> State:
    """Let every write from now on leave the old item; when the table is gone, the job will find that out."""
    with contextlib.suppress(SourceGone):
        return await _capture(context, state)
    return state


async def require_source(context: Context, state: State) -> Table:
    """Return the table that a job reads. Raises SourceGone."""
    table = await context.tables.load(state["Namespace"], state["Table"])
    if table is None or table.space.id != state["Space"]:
        raise SourceGone(f"the table {state['Table']} was removed")
    return table


def capture_name(id_: str) -> str:
    """Return under which purpose the log of a backup stands in a table's captures."""
    return f"Backup-{id_}"


async def _capture(context: Context, state: State) -> State:
    await require_source(context, state)
    if not await _being_made(context, state):
        return {**state, "Phase": "release"}
    for space in (undo.undo_space(state["Id"]), backup.space(state["Id"])):
        await undo.prepare_space(context, space)
    name = capture_name(state["Id"])

    def capturing(table: Table) -> Table | None:
        captures = table.settings.get("Captures", {})
        if name in captures:
            return None
        capture = {"Stream": state["Stream"], "Old": True, "New": False}
        return table.edited(settings={**table.settings, "Captures": {**captures, name: capture}})

    await change_table(context, state["Namespace"], state["Table"], capturing)
    return {**state, "Phase": "copy"}


async def _being_made(context: Context, state: State) -> bool:
    """Tell whether the backup is not made yet: a process that was thought dead must not add to one that is."""
    body = await records.find(context, BACKUPS, state["Key"])
    return body is not None and body["Description"]["BackupDetails"]["BackupStatus"] == backup.CREATING


async def _copy(context: Context, state: State) -> State | None:
    table = await require_source(context, state)
    if not await _being_made(context, state):
        return {**state, "Phase": "release"}
    view = View(table=table, stream=state["Stream"], undo=undo.undo_space(state["Id"]), since=0)
    items, following = await undo.page(context, view, state, limit=_ROWS, max_bytes=_BYTES)
    await _keep(context, backup.space(state["Id"]), items)
    following["Items"] += len(items)
    following["Bytes"] += sum(item.size for item in items)
    if not following["Done"]:
        return following
    await records.change(
        context,
        BACKUPS,
        state["Key"],
        lambda body: backup.with_details(
            backup.with_contents(body, following["Items"], following["Bytes"]), BackupStatus=backup.AVAILABLE
        ),
    )
    return {**following, "Phase": "release"}


async def _keep(context: Context, space: Space, items: list[Item]) -> None:
    if not await filling.loaded(context, space, [NewRow(*item) for item in items]):
        mutations = [Mutation(space, item.key, partial(_put, item), blind=True) for item in items]
        await retrying(lambda: context.backend.items.mutate(mutations))


def _put(item: Item, _row: object) -> Put:
    return Put(item.body, item.size)


async def _release(context: Context, state: State) -> State | None:
    name = capture_name(state["Id"])

    def released(table: Table) -> Table | None:
        captures = table.settings.get("Captures", {})
        if name not in captures:
            return None
        left = {purpose: each for purpose, each in captures.items() if purpose != name}
        return table.edited(settings={**table.settings, "Captures": left})

    await change_table(context, state["Namespace"], state["Table"], released)
    await context.backend.streams.drop(state["Stream"])
    await undo.drop_space(context, undo.undo_space(state["Id"]))
    if await records.find(context, BACKUPS, state["Key"]) is None:  # it failed, or was deleted meanwhile
        await undo.drop_space(context, backup.space(state["Id"]))
    return None


async def _failed(context: Context, state: State, _error: Exception) -> None:
    await context.backend.documents.delete(BACKUPS.kind, state["Key"])
    await _release(context, state)


_PHASES = {"capture": _capture, "copy": _copy, "release": _release}
