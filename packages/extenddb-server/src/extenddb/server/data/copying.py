"""Copying a table: segments of the source are read at the same time and written in batches.

A copy is no snapshot: a source that changes meanwhile is copied as each page found it. Following the stream after
the copy mends that (`sync`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from extenddb.server.data import scanning, schema, tables
from extenddb.server.data.checkpoint import Checkpoint
from extenddb.server.data.client import Client
from extenddb.server.data.errors import DataError
from extenddb.server.data.pacing import Rate
from extenddb.server.data.progress import Progress, Reporter
from extenddb.server.data.writing import Writer, put


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What to copy, and how."""

    table: str
    target_table: str
    create: bool = False
    """Make the target table if it is missing."""
    segments: int = 4
    rate: float | None = None
    """Items a second; None without limit."""
    verify: bool = True
    """Count the target's items afterwards."""


async def copy(plan: Copy, source: Client, target: Client, checkpoint: Checkpoint, reporter: Reporter) -> None:
    """Copy a table. Raises DataError."""
    description = await tables.require(source, plan.table)
    made = await tables.prepare_target(source, description, target, plan.target_table, create=plan.create)
    if checkpoint.bind(about("copy", description, made)):
        reporter.tell("resumed", f"Going on where {checkpoint.name} ends.", checkpoint=checkpoint.name)
    progress = Progress(phase="copy", started=source.times.steady(), total=description.get("ItemCount"))
    async with reporter.showing(progress):
        await copy_items(plan, source, target, checkpoint, progress)
    found = await _verify(plan, target, progress) if plan.verify else None
    there = "" if found is None else f", {found:,} items there"
    text = f"Copied {progress.items:,} items of {plan.table} to {plan.target_table}{there}."
    reporter.tell("done", text, items=progress.items, bytes=progress.bytes, target_items=found)


def about(command: str, source: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint is about."""
    return {"command": command, "source": schema.identity(source), "target": schema.identity(target)}


async def copy_items(plan: Copy, source: Client, target: Client, checkpoint: Checkpoint, progress: Progress) -> int:
    """Copy the items that the checkpoint does not know as copied; return how many were copied in all."""
    segments: list[scanning.Segment] = checkpoint.content.setdefault("segments", scanning.new_segments(plan.segments))
    noted = noting(segments, checkpoint, progress)
    progress.resumed = progress.items
    writer = Writer(target, plan.target_table, Rate(plan.rate, target.times))

    async def take(_segment: int, items: list[dict[str, Any]]) -> int:
        writes = [put(item) for item in items]
        await writer.write(writes)
        return sum(len(write.body) for write in writes)

    limit = scanning.page_limit(plan.rate, len(segments))
    await scanning.read(source, plan.table, segments, take, noted, limit)
    checkpoint.save()
    return progress.items


def noting(segments: list[scanning.Segment], checkpoint: Checkpoint, progress: Progress) -> Callable[[], None]:
    """Return what brings progress and checkpoint up to date with the segments, and do it once."""

    def noted() -> None:
        progress.items = sum(segment["items"] for segment in segments)
        progress.bytes = sum(segment["bytes"] for segment in segments)
        checkpoint.maybe_save()

    noted()
    return noted


async def _verify(plan: Copy, target: Client, progress: Progress) -> int:
    """Return how many items the target holds. Raises DataError if there are fewer than were copied."""
    found = await scanning.count(target, plan.target_table, plan.segments)
    if found < progress.items:
        raise DataError(
            f"The table {plan.target_table} at {target.endpoint.url} holds {found:,} items,"
            f" but {progress.items:,} were copied: something else removes items there."
        )
    return found
