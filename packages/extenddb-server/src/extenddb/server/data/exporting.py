"""Exporting a table of any endpoint into a folder, laid out like the service's exports, or as bare files of lines.

Each page becomes a gzip member of its own at the end of its segment's file. The checkpoint knows how long the file
then is, so that what a kill left behind it is cut off before going on.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import secrets
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import orjson

from extenddb.engine.exports import layout
from extenddb.engine.exports.lines import EXTENSIONS, ITEMS
from extenddb.server.data import scanning, schema, tables
from extenddb.server.data.checkpoint import Checkpoint
from extenddb.server.data.client import Client
from extenddb.server.data.copying import noting
from extenddb.server.data.errors import DataError
from extenddb.server.data.importing import require_ion
from extenddb.server.data.pacing import Rate
from extenddb.server.data.progress import Progress, Reporter
from extenddb.server.data.sources import DESCRIPTION

FILE_BYTES = 32 * 1024 * 1024
"""A data file that is as long gets no further pages."""
_FILES_OF_A_SEGMENT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export, and how."""

    table: str
    folder: Path
    format: str = "DYNAMODB_JSON"
    """DYNAMODB_JSON or ION."""
    manifests: bool = True
    """Lay the files out like an export of the service; else bare files of lines."""
    segments: int = 4
    rate: float | None = None
    """Items a second; None without limit."""


async def export(plan: Export, source: Client, checkpoint: Checkpoint, reporter: Reporter) -> None:
    """Export a table. Raises DataError."""
    if plan.format == "ION":
        require_ion()
    table = await tables.require(source, plan.table)
    about = {"command": "export", "source": schema.identity(table), "target": str(plan.folder.resolve())}
    if checkpoint.bind(about):
        reporter.tell("resumed", f"Going on where {checkpoint.name} ends.", checkpoint=checkpoint.name)
    else:
        if not plan.manifests and any(plan.folder.glob(f"{plan.table}-*.{EXTENSIONS[plan.format]}")):
            raise DataError(f"{plan.folder} holds files of {plan.table} already: name another folder.")
        checkpoint.content["export"] = _description(plan, table, source.now())
    await _describe(plan, source, table)
    progress = Progress(phase="export", started=source.times.steady(), total=table.get("ItemCount"))
    work = _Export(plan, source, checkpoint, progress)
    async with reporter.showing(progress):
        await work.run()
    place = await asyncio.to_thread(work.finish) if plan.manifests else plan.folder
    text = f"Exported {progress.items:,} items of {plan.table} to {place}."
    reporter.tell("done", text, items=progress.items, bytes=progress.bytes, folder=str(place))


def _description(plan: Export, table: dict[str, Any], now: float) -> dict[str, Any]:
    """Return what DescribeExport would say of this export."""
    identifier = f"{int(now * 1000):016d}-{secrets.token_hex(4)}"
    return {
        "ExportArn": f"{table['TableArn']}/export/{identifier}",
        "ExportType": "FULL_EXPORT",
        "ExportFormat": plan.format,
        "ExportTime": now,
        "StartTime": now,
        "TableArn": table["TableArn"],
        "TableId": schema.identity(table),
        "S3Bucket": plan.folder.name,
        "S3SseAlgorithm": "AES256",
    }


async def _describe(plan: Export, source: Client, table: dict[str, Any]) -> None:
    """Write the table's description beside the export, so that an import can make the table."""
    value = {
        "Table": table,
        "Tags": await tables.tags(source, table),
        "TimeToLive": await tables.expiry(source, plan.table),
    }
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        (plan.folder / f"{plan.table}.{DESCRIPTION}").write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise DataError(f"The folder {plan.folder} cannot be written to: {error.strerror}.") from None


class _Export:
    """One export under way."""

    def __init__(self, plan: Export, source: Client, checkpoint: Checkpoint, progress: Progress) -> None:
        self._plan = plan
        self._source = source
        self._checkpoint = checkpoint
        self._progress = progress
        self._rate = Rate(plan.rate, source.times)
        self._line = ITEMS[plan.format]
        self._description: dict[str, Any] = checkpoint.content["export"]
        self._segments: list[scanning.Segment] = checkpoint.content.setdefault(
            "segments", [{**segment, "files": []} for segment in scanning.new_segments(plan.segments)]
        )

    async def run(self) -> None:
        """Write all data files."""
        noted = noting(self._segments, self._checkpoint, self._progress)
        self._progress.resumed = self._progress.items
        limit = scanning.page_limit(self._plan.rate, len(self._segments))
        await scanning.read(self._source, self._plan.table, self._segments, self._take, noted, limit)
        self._checkpoint.save()

    async def _take(self, number: int, items: list[dict[str, Any]]) -> int:
        await self._rate.take(len(items))
        files: list[dict[str, Any]] = self._segments[number]["files"]
        if not files or files[-1]["size"] >= FILE_BYTES:
            key = self._key(number * _FILES_OF_A_SEGMENT + len(files))
            files.append({"key": key, "size": 0, "items": 0})
        file = files[-1]
        lines = b"".join([self._line(orjson.dumps(item)) for item in items])
        # Nothing may be awaited behind this: the place in the file and the place in the table change together.
        size = await asyncio.to_thread(_append, self._plan.folder / file["key"], file["size"], lines)
        file.update(size=size, items=file["items"] + len(items))
        return len(lines)

    def _key(self, part: int) -> str:
        if self._plan.manifests:
            return layout.data_key(self._description, part)
        return f"{self._plan.table}-{part:08d}.{EXTENSIONS[self._plan.format]}"

    def finish(self) -> Path:
        """Write the manifests and return the folder of the export."""
        description = {
            **self._description,
            "EndTime": self._source.now(),
            "BilledSizeBytes": self._progress.bytes,
            "ItemCount": self._progress.items,
        }
        entries = []
        for segment in self._segments:
            for file in segment["files"]:
                body = (self._plan.folder / file["key"]).read_bytes()
                tag = md5(body, usedforsecurity=False).hexdigest()
                entries.append(layout.data_entry(file["key"], body, file["items"], tag))
        for key, body in layout.manifests(description, entries):
            path = self._plan.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return self._plan.folder / layout.folder(description)


def _append(path: Path, size: int, lines: bytes) -> int:
    """Write lines behind the first `size` bytes of a file, cut off what was there, and return its new size."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            if file.seek(0, os.SEEK_END) < size:
                raise DataError(f"The file {path} is shorter than the checkpoint says: export anew.")
            file.seek(size)
            file.truncate()
            file.write(gzip.compress(lines, compresslevel=6, mtime=0))
            return file.tell()
    except OSError as error:
        raise DataError(f"The file {path} cannot be written: {error.strerror}.") from None
