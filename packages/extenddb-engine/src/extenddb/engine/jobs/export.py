"""Exporting a table as it was, or what changed in a period, to a bucket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, TypeVar

from extenddb.core.types.attribute import Item as Attributes
from extenddb.engine import codec
from extenddb.engine.backups import records, undo
from extenddb.engine.backups.records import EXPORTS, Body
from extenddb.engine.backups.undo import Item, Undone, View
from extenddb.engine.context import Context
from extenddb.engine.exports import filter as filters
from extenddb.engine.exports import layout, lines
from extenddb.engine.exports.filter import Filter
from extenddb.engine.exports.lines import ChangedItem
from extenddb.engine.jobs import restore
from extenddb.engine.jobs.backup import require_source
from extenddb.engine.jobs.beginning import on_record
from extenddb.engine.jobs.waiting import NOTE, Ended, turns
from extenddb.engine.tables.table import Table
from extenddb.storage.model import PointRead, Row, Space

_ROWS = 20_000
_BYTES = 16 * 1024 * 1024  # of items in one data file
_RECORDS = 10_000  # of the log, in one turn
_SLICE = 200  # items worked on before others get their turn
_NEW_ONLY = "NEW_IMAGE"
_RUNNING = "IN_PROGRESS"
_UNTIL = "Until"
"""Member of a state while a data file is written: the place of its last item, empty for the end of the table."""
_END = "End"
"""Member of a state when everything is written but the manifests: the time, in seconds since the epoch."""

State = dict[str, Any]
_Part = TypeVar("_Part")


class ExportGone(Ended):
    """The export is no longer on record."""


def export_state(table: Table, description: Body, *, key: str, stream: str) -> State:
    """Return the state of a job that exports."""
    period = description.get("IncrementalExportSpecification")
    since = round(period["ExportToTime"] * 1000) if period else round(description["ExportTime"] * 1000) + 1
    return {
        "Namespace": table.record.namespace,
        "Table": table.definition.name,
        "Space": table.space.id,
        "Key": key,
        "Id": layout.export_id(description),
        "Stream": stream,
        "From": round(period["ExportFromTime"] * 1000) if period else None,
        "Since": since,
        "Phase": "fold",
        "Barrier": None,
        "Folded": 0,
        "After": None,
        "Files": [],
        "Items": 0,
        "Bytes": 0,
    }


async def export(context: Context, state: State) -> State | None:
    """Work on an export for a while."""
    begun = await on_record(context, EXPORTS, state)
    if begun is not None:
        return begun
    following = await turns(context, state, _turn, _failed)
    if following is not None:
        counts = {"ItemCount": following["Items"], "BilledSizeBytes": following["Bytes"]}
        await _change(context, following, counts)
    return following


async def _turn(context: Context, state: State) -> State | None:
    description = await records.find(context, EXPORTS, state["Key"])
    if description is None:
        raise ExportGone(state["Key"])
    if description["ExportStatus"] == _RUNNING:
        return await _PHASES[state["Phase"]](context, description, state)
    await _clean(context, state)  # whoever ended it died before this was done
    return None


async def _change(context: Context, state: State, members: Body) -> None:
    """Change the description of an export that is under way."""
    await records.change(
        context, EXPORTS, state["Key"], lambda body: {**body, **members} if body["ExportStatus"] == _RUNNING else None
    )


async def _fold(context: Context, description: Body, state: State) -> State | None:
    if state["Barrier"] is None:
        await context.buckets.put(description["S3Bucket"], f"{layout.folder(description)}_started", b"")
    return await restore.begin(context, state, "items" if state["From"] is None else "window")


async def _items(context: Context, description: Body, state: State) -> State | None:
    """Decide which items the next data file holds, or write it.

    The decision is noted before anything is written: who repeats the turn, when the table has changed meanwhile, writes
    the same file again, and no file that was begun is left over.
    """
    table = await require_source(context, state)
    view = restore.view(table, state)
    if _UNTIL not in state:
        items, following = await undo.page(context, view, state, limit=_ROWS, max_bytes=_BYTES)
        end = [] if following["Done"] else following["After"]
        context.readers[_page_key(state)] = (state["After"], end, items, following)
        return {**state, _UNTIL: end, NOTE: True}
    after, end, items, following = context.readers.pop(_page_key(state), (None, None, [], {}))
    if (after, end) != (state["After"], state[_UNTIL]):
        last = undo.position(state[_UNTIL])
        items, following = await undo.stretch(
            context, view, state, last.key if last else None, limit=_ROWS, max_bytes=_BYTES
        )
    following = {name: value for name, value in following.items() if name != _UNTIL}
    return await _items_written(context, table, description, following, items)


def _page_key(state: State) -> str:
    return f"{state['Key']}/page"


async def _items_written(
    context: Context, table: Table, description: Body, following: State, items: list[Item]
) -> State:
    wanted = filters.bind(table, description.get("FilterSpecification"))
    write = lines.ITEMS[description["ExportFormat"]]
    found = []
    async for part in _slices(items):
        found += [write(body) for body in _taken(part, wanted)]
    following["Bytes"] += sum(item.size for item in items)
    return await _part_written(context, description, following, found, last=following["Done"])


def _taken(items: Sequence[Item], wanted: Filter) -> Iterator[bytes]:
    if wanted.takes_all:
        yield from (item.body for item in items)
        return
    for each in items:
        item = codec.load(each.body)
        if wanted.matches(item):
            yield codec.dump(wanted.project(item))


async def _part_written(context: Context, description: Body, state: State, found: list[bytes], *, last: bool) -> State:
    """Write one data file. Its name follows from its number, so a repeated step writes the same file again."""
    files = state["Files"]
    if found or (last and not files):
        key = layout.data_key(description, len(files))
        body = await asyncio.to_thread(gzip.compress, b"".join(found), 6, mtime=0)
        tag = await context.buckets.put(description["S3Bucket"], key, body)
        files = [*files, layout.data_entry(key, body, len(found), tag)]
    return {
        **state,
        "Files": files,
        "Items": state["Items"] + len(found),
        "Phase": "finish" if last else state["Phase"],
    }


def _window_space(state: State) -> Space:
    return Space(id=f"w{state['Id'].replace('-', '')}")


async def _window(context: Context, _description: Body, state: State) -> State | None:
    """Gather the changes of the period: which keys, what they were before, and when they changed last."""
    if "Window" not in state:
        await undo.prepare_space(context, _window_space(state))
        return {**state, "Window": await undo.first_sequence(context, state["Stream"], state["From"])}
    view = View(
        table=await require_source(context, state),
        stream=state["Stream"],
        undo=_window_space(state),
        since=state["From"],
        until=state["Since"],
        barrier=state["Barrier"],
    )
    folded, done = await undo.fold(context, view, state["Window"], most=_RECORDS)
    return {**state, "Window": folded, "Phase": "changes" if done else "window"}


async def _changes(context: Context, description: Body, state: State) -> State | None:
    table = await require_source(context, state)
    wanted = filters.bind(table, description.get("FilterSpecification"))
    old_too = description["IncrementalExportSpecification"]["ExportViewType"] != _NEW_ONLY
    write = lines.CHANGES[description["ExportFormat"]]
    after = undo.position(state["After"])
    changed, more = await undo.undone_page(context, _window_space(state), after, limit=_ROWS // 10, max_bytes=_BYTES)
    keys = [each.key for each in changed]
    now = await context.items.get_many([PointRead(table.space, key) for key in keys])
    folded, _ = await undo.fold(context, restore.view(table, state), state["Folded"])
    later = await undo.undone_at(context, undo.undo_space(state["Id"]), keys)
    found = []
    async for part in _slices(list(zip(changed, now, strict=True))):
        for each, row in part:
            change = _changed(table, each, _body(later.get(each.key), row), wanted, old_too=old_too)
            if change is not None:
                found.append(write(change))
    following = {**state, "Folded": folded, "After": undo.place(keys[-1]) if more else state["After"]}
    following["Bytes"] += sum(map(len, found))
    return await _part_written(context, description, following, found, last=not more)


def _body(later: Undone | None, row: Row | None) -> bytes | None:
    """Return the item at the end of the period: as it was before the first later change, or as it is now."""
    if later is not None:
        return later.old
    return row.item if row is not None else None


def _changed(table: Table, before: Undone, after: bytes | None, wanted: Filter, *, old_too: bool) -> ChangedItem | None:
    """Return what is exported of a changed item; None for one that came and went, or is not wanted.

    The filter looks at the newer image there is.
    """
    old: Attributes | None = codec.load(before.old) if before.old is not None else None
    new: Attributes | None = codec.load(after) if after is not None else None
    image = new if new is not None else old
    if image is None or not wanted.matches(image):
        return None
    return ChangedItem(
        keys=table.schema.attributes(image),
        old=wanted.project(old) if old is not None and old_too else None,
        new=wanted.project(new) if new is not None else None,
        written_ms=before.written,
    )


async def _finish(context: Context, description: Body, state: State) -> State | None:
    if _END not in state:  # noted first: the manifests, which tell it, are the same whoever writes them
        return {**state, _END: context.clock() / 1000, NOTE: True}
    members = {
        "ExportStatus": "COMPLETED",
        "EndTime": state[_END],
        "ExportManifest": layout.manifest_key(description),
        "ItemCount": state["Items"],
        "BilledSizeBytes": state["Bytes"],
    }
    for key, body in layout.manifests({**description, **members}, state["Files"]):
        await context.buckets.put(description["S3Bucket"], key, body)
    await _change(context, state, members)
    await _clean(context, state)
    return None


async def _clean(context: Context, state: State) -> None:
    context.readers.pop(_page_key(state), None)
    for space in (undo.undo_space(state["Id"]), _window_space(state)):
        await undo.drop_space(context, space)


async def _failed(context: Context, state: State, error: Exception) -> None:
    failed = {"ExportStatus": "FAILED", "EndTime": context.clock() / 1000, **records.failure(error)}
    await _change(context, state, failed)
    await _clean(context, state)


async def _slices(parts: Sequence[_Part]) -> AsyncIterator[Sequence[_Part]]:
    for first in range(0, len(parts), _SLICE):
        yield parts[first : first + _SLICE]
        await asyncio.sleep(0)


_PHASES = {"fold": _fold, "items": _items, "window": _window, "changes": _changes, "finish": _finish}
