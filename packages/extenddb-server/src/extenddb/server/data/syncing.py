"""Keeping a target table like a source until the cut-over: a first copy, then the source's stream.

Why nothing is lost or turned back. The stream's shards are noted before the copy begins, and its changes are applied
only after the copy has ended. The copy reads consistently, so it brings each item as it was at some time after the
noting; every change from the noting on is then applied in the order of its key, those that the copy already held
included. So an item passes through older states once more, and ends at its last change, or at what the copy brought
if it has none. Writes of the copy never follow writes of the stream: the phase is written down between them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from extenddb.server.data import copying, lineage, schema, tables
from extenddb.server.data.checkpoint import Checkpoint
from extenddb.server.data.client import Client
from extenddb.server.data.copying import Copy
from extenddb.server.data.errors import DataError
from extenddb.server.data.following import Follower, describe, unless
from extenddb.server.data.pacing import Rate
from extenddb.server.data.progress import Progress, Reporter
from extenddb.server.data.writing import Writer

_POLL_SECONDS = 0.5
_VIEWS = frozenset(("NEW_IMAGE", "NEW_AND_OLD_IMAGES"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """What to keep alike, and how."""

    copy: Copy
    enable_stream: bool = False
    """Enable a stream of the source table if it has none."""
    until_caught_up: bool = False
    """End as soon as nothing is left to apply."""
    settle: float = 1.0
    """For how many seconds all shards must have nothing new to be caught up."""


async def sync(
    plan: Sync, source: Client, target: Client, checkpoint: Checkpoint, reporter: Reporter, stop: asyncio.Event
) -> None:
    """Copy what is not copied, then follow. `stop` ends it. Raises DataError."""
    table = plan.copy.table
    description = await tables.require(source, table)
    description = await _with_stream(source, description, checkpoint, enable=plan.enable_stream)
    made = await tables.prepare_target(source, description, target, plan.copy.target_table, create=plan.copy.create)
    if checkpoint.bind(copying.about("sync", description, made)):
        reporter.tell("resumed", f"Going on where {checkpoint.name} ends.", checkpoint=checkpoint.name)
    else:
        await _note_position(source, description, checkpoint)
    progress = Progress(phase="copy", started=source.times.steady(), total=description.get("ItemCount"))
    if checkpoint.content["phase"] == "copy":
        async with reporter.showing(progress):
            copied = await unless(stop, copying.copy_items(plan.copy, source, target, checkpoint, progress))
            if copied is None:
                raise DataError(f"Stopped during the first copy; run it again to go on where {checkpoint.name} ends.")
        checkpoint.content.update(phase="follow", segments=[])
        checkpoint.save()
        text = f"Copied {progress.items:,} items of {table}; following its changes."
        reporter.tell("copied", text, items=progress.items, bytes=progress.bytes)
    await _follow(plan, source, target, checkpoint, reporter, progress, stop)


async def _with_stream(
    source: Client, description: dict[str, Any], checkpoint: Checkpoint, *, enable: bool
) -> dict[str, Any]:
    """Return the description of a table that has a usable stream, or whose stream is being followed already."""
    if checkpoint.content.get("stream"):
        return description
    table, view = description["TableName"], schema.view(description)
    if view and view not in _VIEWS:
        raise DataError(
            f"The stream of {table} has the view type {view}, but new images are needed: enable it with"
            " NEW_AND_OLD_IMAGES."
        )
    if not view:
        if not enable:
            raise DataError(f"The table {table} at {source.endpoint.url} has no stream; --enable-stream enables one.")
        specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        await source.call("UpdateTable", {"TableName": table, "StreamSpecification": specification})
    while description["TableStatus"] != "ACTIVE" or not schema.view(description):
        description = await tables.require(source, table)
        await source.times.sleep(_POLL_SECONDS)
    return description


async def _note_position(source: Client, description: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Write down from where the stream will be followed, before anything is copied."""
    arn = description["LatestStreamArn"]
    shards, _ = await describe(source, arn)
    while not shards:  # a stream that was enabled just now
        await source.times.sleep(_POLL_SECONDS)
        shards, _ = await describe(source, arn)
    began = source.now()
    states = lineage.first_states(shards, began)
    checkpoint.content.update(phase="copy", stream=arn, began=began, shards=states)
    checkpoint.save()


async def _follow(
    plan: Sync,
    source: Client,
    target: Client,
    checkpoint: Checkpoint,
    reporter: Reporter,
    progress: Progress,
    stop: asyncio.Event,
) -> None:
    content = checkpoint.content

    def noted(applied: int) -> None:
        progress.applied += applied
        checkpoint.maybe_save()

    writer = Writer(target, plan.copy.target_table, Rate(plan.copy.rate, target.times))
    follower = Follower(
        source,
        content["stream"],
        content["shards"],
        writer.write,
        began=content["began"],
        settle=plan.settle,
        noted=noted,
    )
    progress.phase, progress.lag = "follow", follower.lag
    halt = asyncio.create_task(_stop_with(stop, follower))
    try:
        async with reporter.showing(progress):
            ended = await follower.run(until_caught_up=plan.until_caught_up)
    finally:
        halt.cancel()
        checkpoint.save()
    if ended:
        raise DataError(f"The stream of {plan.copy.table} was disabled: changes after that are not followed.")
    event = "stopped" if stop.is_set() else "caught-up"
    text = "Stopped" if stop.is_set() else "Caught up"
    reporter.tell(event, f"{text} after {progress.applied:,} changes.", applied=progress.applied)


async def _stop_with(stop: asyncio.Event, follower: Follower) -> None:
    await stop.wait()
    follower.stop()
