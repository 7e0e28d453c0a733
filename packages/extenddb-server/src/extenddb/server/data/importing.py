"""Importing files into a table of any endpoint.

Records of one file are written in their order as far as it matters: the last one of a key wins. Files are read at the
same time, so between files the order is open, as it is in the service's own import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from extenddb.core.errors import ServiceError
from extenddb.engine import ion
from extenddb.engine.imports.items import PARSERS, BadRecord, CsvParser, csv_cells
from extenddb.engine.imports.records import DECOMPRESSORS, BadObject, Cutter
from extenddb.server.data import schema, sources, tables
from extenddb.server.data.checkpoint import Checkpoint
from extenddb.server.data.client import Client
from extenddb.server.data.errors import DataError
from extenddb.server.data.pacing import Rate
from extenddb.server.data.progress import Progress, Reporter
from extenddb.server.data.sources import DataFile
from extenddb.server.data.writing import Write, Writer, delete, put

_PIECE = 1024 * 1024
_RECORDS = 500  # taken at once: enough batches to write at the same time, few enough to repeat after a kill
_CHANGE = ("Keys", "NewImage", "OldImage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What to import, and how."""

    path: Path
    table: str
    format: str = ""
    """DYNAMODB_JSON, ION or CSV; empty to tell by the manifest or the names."""
    description: Path | None = None
    """File that describes the table to make if it is missing."""
    delimiter: str = ","
    """Between the columns of CSV."""
    header: Sequence[str] = ()
    """Names of the columns of CSV; empty if the first line has them."""
    skip_bad: bool = False
    """Count records that are no items instead of failing."""
    parallel: int = 4
    """Files read at the same time."""
    rate: float | None = None
    """Items a second; None without limit."""


async def import_files(plan: Import, target: Client, checkpoint: Checkpoint, reporter: Reporter) -> None:
    """Import. Raises DataError."""
    files = sources.find(plan.path, format_=plan.format)
    if any(file.format == "ION" for file in files):
        require_ion()
    table = await _table(plan, target)
    about = {"command": "import", "source": str(plan.path.resolve()), "target": schema.identity(table)}
    if checkpoint.bind(about):
        reporter.tell("resumed", f"Going on where {checkpoint.name} ends.", checkpoint=checkpoint.name)
    promised = [file.items for file in files]
    total = None if None in promised else sum(each or 0 for each in promised)
    progress = Progress(phase="import", started=target.times.steady(), total=total)
    work = _Import(plan, files, table, target, checkpoint, progress)
    async with reporter.showing(progress):
        await work.run()
    skipped = f"; {work.bad:,} records were no items" if work.bad else ""
    text = f"Imported {progress.items:,} records from {len(files)} files into {plan.table}{skipped}."
    reporter.tell("done", text, items=progress.items, bytes=progress.bytes, bad=work.bad)


def require_ion() -> None:
    """Raise DataError if the library for Ion is missing."""
    try:
        ion.require()
    except ServiceError:
        raise DataError("The format ION needs the Python library amazon.ion, which is not installed.") from None


async def _table(plan: Import, target: Client) -> dict[str, Any]:
    found = await tables.find(target, plan.table)
    if plan.description is None:
        if found is None:
            raise DataError(f"The table {plan.table} does not exist at {target.endpoint.url}; --schema makes it.")
        return await tables.until_active(target, plan.table)
    described = sources.read_description(plan.description)
    if found is not None:
        schema.check_same_keys(described, found, at=target.endpoint.url)
        return await tables.until_active(target, plan.table)
    request = schema.create_request(described, name=plan.table, tags=described["Tags"])
    return await tables.make(target, request, expiry=described["TimeToLive"])


class _Import:
    """One import under way."""

    def __init__(
        self,
        plan: Import,
        files: list[DataFile],
        table: Mapping[str, Any],
        target: Client,
        checkpoint: Checkpoint,
        progress: Progress,
    ) -> None:
        self.plan = plan
        self.bad = 0
        self._files = files
        self._keys = schema.keys(table)
        self._types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
        self._writer = Writer(target, plan.table, Rate(plan.rate, target.times))
        self._room = asyncio.Semaphore(plan.parallel)
        self._checkpoint = checkpoint
        self._progress = progress
        self._states: dict[str, dict[str, int | bool]] = checkpoint.content.setdefault("files", {})

    async def run(self) -> None:
        """Import all files."""
        self._note()
        self._progress.resumed = self._progress.items
        async with asyncio.TaskGroup() as group:
            for file in self._files:
                group.create_task(self._file(file))
        self._checkpoint.save()

    async def _file(self, file: DataFile) -> None:
        state = self._states.setdefault(file.name, {"records": 0, "items": 0, "bytes": 0, "bad": 0, "done": False})
        async with self._room:
            if state["done"]:
                return
            try:
                records = _Records(file, self.plan, self._types)
                await asyncio.to_thread(records.skip, int(state["records"]))
                while taken := await asyncio.to_thread(records.take, _RECORDS):
                    await self._take(file, state, taken, records)
            except (BadObject, OSError, ServiceError) as error:
                raise DataError(f"The file {file.path} cannot be read: {error}") from None
            if file.items is not None and state["records"] != file.items:
                raise DataError(
                    f"The file {file.path} holds {state['records']} records, its manifest says {file.items}."
                )
            state["done"] = True
            self._note()

    async def _take(self, file: DataFile, state: dict[str, int | bool], taken: list[bytes], records: _Records) -> None:
        last: dict[bytes, Write] = {}
        bad = 0
        for number, record in enumerate(taken, start=int(state["records"]) + 1):
            try:
                key, write = self._write(records.parse(record))
            except BadRecord as error:
                if not self.plan.skip_bad:
                    text = f"Record {number} of {file.path} is no item of {self.plan.table}: {error}"
                    raise DataError(f"{text}; --skip-bad-records leaves such ones out.") from None
                bad += 1
                continue
            last[key] = write
        if last:
            await self._writer.write(list(last.values()))
        state["records"] += len(taken)
        state["items"] += len(taken) - bad
        state["bytes"] += sum(map(len, taken))
        state["bad"] += bad
        self._note()

    def _write(self, members: Mapping[str, Any]) -> tuple[bytes, Write]:
        """Return a record's key and what it writes. Raises BadRecord."""
        item = members.get("Item") or members.get("NewImage")
        named = item if item is not None else members["Keys"]
        key = {}
        for name, kind in self._keys:
            if kind not in named.get(name, ()):
                raise BadRecord(f"the key attribute {name} of type {kind} is missing")
            key[name] = named[name]
        return orjson.dumps(key), put(item) if item is not None else delete(key)

    def _note(self) -> None:
        states = self._states.values()
        self._progress.items = sum(state["items"] for state in states)
        self._progress.bytes = sum(state["bytes"] for state in states)
        self.bad = sum(state["bad"] for state in states)
        self._checkpoint.maybe_save()


class _Records:
    """The records of a file, in order. Waits for the disk."""

    def __init__(self, file: DataFile, plan: Import, types: Mapping[str, str]) -> None:
        self._file = file
        self._plan = plan
        self._types = types
        self._parser: Callable[[bytes], Mapping[str, Any]] | None = _PARSERS.get(file.format)
        self._lines = self._read()

    def parse(self, record: bytes) -> Mapping[str, Any]:
        """Return the members of a record. Raises BadRecord."""
        if self._parser is None:
            raise BadRecord("there is no header")
        return self._parser(record)

    def skip(self, count: int) -> None:
        """Pass over records."""
        next(islice(self._lines, count, count), None)

    def take(self, count: int) -> list[bytes]:
        """Return up to so many records; none at the end."""
        return list(islice(self._lines, count))

    def _read(self) -> Iterator[bytes]:
        lines = self._all()
        if self._file.format == "CSV":
            header = list(self._plan.header)
            if not header:
                try:
                    header = csv_cells(next(lines, b""), self._plan.delimiter)
                except BadRecord as error:
                    raise BadObject(f"its header is {error}") from None
            self._parser = CsvParser(self._plan.delimiter, header, self._types)
        return (line for line in lines if line.strip())

    def _all(self) -> Iterator[bytes]:
        decompressor = DECOMPRESSORS[self._file.compression]()
        cutter = Cutter(quoted=self._file.format == "CSV")
        with self._file.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield from cutter.feed(decompressor.feed(piece))
        decompressor.finish()
        yield from cutter.finish()


def _json(record: bytes) -> Mapping[str, Any]:
    """Return the members of a line, also of one of an incremental export."""
    if b'"Item"' not in record:
        try:
            value = orjson.loads(record)
        except orjson.JSONDecodeError as error:
            raise BadRecord(f"no JSON: {error}") from error
        if isinstance(value, dict) and isinstance(value.get("Keys"), dict):
            return {name: value[name] for name in _CHANGE if name in value}
    return PARSERS["DYNAMODB_JSON"](record)


def _ion(record: bytes) -> Mapping[str, Any]:
    if b"Record:" in record[:32]:
        try:
            change = ion.load(record)["Record"]["M"]
            return {name: change[name]["M"] for name in _CHANGE if name in change}
        except (ion.IonError, KeyError) as error:
            raise BadRecord(f"no record of an export: {error}") from error
    return PARSERS["ION"](record)


_PARSERS: Mapping[str, Callable[[bytes], Mapping[str, Any]]] = {"DYNAMODB_JSON": _json, "ION": _ion}
