"""Reading the records of the objects under a prefix, one object after the other, from any record on.

A reader that is in the middle of an object is kept in memory between the steps of its job. A process that does not
have it, because it took the job over, opens the object anew and passes over the records that were done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

from extenddb.core.types.table import TableDefinition
from extenddb.engine.buckets import BucketError
from extenddb.engine.context import Context
from extenddb.engine.imports.items import PARSERS, BadRecord, CsvParser, Parser, csv_cells
from extenddb.engine.imports.records import DECOMPRESSORS, BadObject, Cutter, Decompressor, Plain

_PIECE = 128 * 1024  # compressed bytes taken at a time: a millisecond or so of decompression
_BLANK = 32  # bytes above are no blanks
_LISTED = 1000  # objects of one listing
_MANIFESTS = ("manifest-summary.", "manifest-files.", "_started")  # beside the data files of an export
NO_OBJECTS = "S3NoSuchKey"
"""FailureCode when there is nothing to import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is imported, and how it is to be understood."""

    bucket: str
    prefix: str
    format: str
    """DYNAMODB_JSON, ION or CSV."""
    compression: str
    """NONE, GZIP or ZSTD."""
    csv: Mapping[str, Any]
    """InputFormatOptions.Csv."""
    types: Mapping[str, str]
    """Types of the key attributes of table and indexes."""
    share: tuple[int, int] = (0, 1)
    """Which share of the objects is read, of how many."""

    def holds(self, key: str) -> bool:
        """Tell whether an object is data to be read: manifests of exports are not, nor are other shares."""
        name = key.rpartition("/")[2]
        number, count = self.share
        return bool(name) and not name.startswith(_MANIFESTS) and crc32(key.encode()) % count == number


def types_of(definition: TableDefinition) -> dict[str, str]:
    """Return the types of all key attributes of a table and its indexes."""
    schemas = [definition.schema, *(index.schema for index in definition.indexes)]
    return {name: schema.types[name] for schema in schemas for name in schema.names}


class Place(NamedTuple):
    """How far the work is."""

    object: str
    """Key of the object being read; those below it are done. Empty before the first."""
    record: int
    """Records of it that are done; -1 when all are."""


class Batch(NamedTuple):
    """Records to work on."""

    records: list[bytes]
    parser: Parser
    place: Place
    """Behind them."""
    problem: str | None = None
    """Why the rest of the object cannot be read."""


class Reader:
    """Reads on from a place."""

    def __init__(self, context: Context, source: Source, place: Place) -> None:
        self._context = context
        self._source = source
        self.place = place
        self._stream: _Object | None = None
        self._ahead: deque[str] = deque()

    async def next(self, max_bytes: int) -> Batch | None:
        """Return the next records, of one object; None when all objects are done. Raises BucketError."""
        if self._stream is None:
            stream = await self._open()
            if stream is None:
                return None
            self._stream = stream
        stream = self._stream
        records, problem = await stream.take(max_bytes)
        done = stream.ended or problem is not None
        place = Place(stream.key, -1 if done else self.place.record + len(records))
        if done:
            self._stream = None
        self.place = place
        return Batch(records, stream.parser, place, problem)

    async def _open(self) -> _Object | None:
        key, done = self.place
        if done < 0 or not key:
            if not self._ahead:
                self._ahead.extend(await next_objects(self._context, self._source, key))
            if not self._ahead:
                return None
            self.place = Place(self._ahead.popleft(), 0)
            return _Object(self._context, self._source, self.place.object)
        stream = _Object(self._context, self._source, key)
        while done:
            records, problem = await stream.take(_PIECE, most=done)
            done -= len(records)
            if problem is not None or stream.ended:
                break
        return stream


async def next_objects(context: Context, source: Source, after: str) -> list[str]:
    """Return the keys of the next objects above a key that are to be read; none at the end."""
    while found := await context.buckets.list(source.bucket, prefix=source.prefix, after=after, limit=_LISTED):
        held = [each.key for each in found if source.holds(each.key)]
        if held:
            return held
        after = found[-1].key
    return []


async def total_bytes(context: Context, source: Source) -> int:
    """Return the size of all objects. Raises BucketError when there are none."""
    total, after, count = 0, "", 0
    while found := await context.buckets.list(source.bucket, prefix=source.prefix, after=after, limit=_LISTED):
        total += sum(each.size for each in found)
        count += len(found)
        after = found[-1].key
    if not count:
        raise BucketError(NO_OBJECTS, f"There are no objects under the prefix: {source.prefix}")
    return total


class _Object:
    """One object being read."""

    def __init__(self, context: Context, source: Source, key: str) -> None:
        self.key = key
        self.ended = False
        self._source = source
        self._chunks: AsyncIterator[bytes] = context.buckets.read(source.bucket, key)
        self._decompressor: Decompressor = DECOMPRESSORS[source.compression]()
        self._cutter = Cutter(quoted=source.format == "CSV")
        self._chunk = b""
        self._ahead: asyncio.Future[bytes | BadObject] | None = None
        self._ready: list[bytes] = []
        self._parser = self._fixed_parser()

    @property
    def parser(self) -> Parser:
        """What makes items of the records taken so far."""
        return self._parser if self._parser is not None else PARSERS["DYNAMODB_JSON"]

    async def take(self, max_bytes: int, *, most: int | None = None) -> tuple[list[bytes], str | None]:
        """Return about so many bytes of records, and what ended the object before its time."""
        taken: list[bytes] = []
        size = 0
        try:
            while size < max_bytes and (most is None or len(taken) < most):
                if not self._ready and not await self._fill():
                    break
                count = len(self._ready) if most is None else most - len(taken)
                part, self._ready = self._ready[:count], self._ready[count:]
                taken += part
                size += sum(map(len, part))
        except BadObject as error:
            return taken, str(error)
        return taken, None

    async def _fill(self) -> bool:
        """Cut more records; tell whether there are any."""
        while not self._ready and not self.ended:
            data = await self._more()
            if data is not None:
                lines = self._cutter.feed(data)
            else:
                self._decompressor.finish()
                lines = self._cutter.finish()
                self.ended = True
            self._accept([line for line in lines if line[0] > _BLANK or line.strip()])
            await asyncio.sleep(0)
        return bool(self._ready)

    async def _more(self) -> bytes | None:
        """Return more bytes of the object, decompressed; None at its end. Raises BadObject.

        A thread decompresses, for that costs time and none of Python's, and one piece ahead.
        """
        if self._ahead is None:
            if not self._chunk:
                self._chunk = await anext(self._chunks, b"")
            if not self._chunk:
                return None
            self._look_ahead()
        if self._ahead is None:
            return self._piece()
        found = await self._ahead
        self._ahead = None
        if self._chunk:
            self._look_ahead()
        if isinstance(found, BadObject):
            raise found
        return found

    def _look_ahead(self) -> None:
        if not isinstance(self._decompressor, Plain):
            loop = asyncio.get_running_loop()
            self._ahead = loop.run_in_executor(None, _fed, self._decompressor, self._piece())

    def _piece(self) -> bytes:
        piece, self._chunk = self._chunk[:_PIECE], self._chunk[_PIECE:]
        return piece

    def _accept(self, lines: list[bytes]) -> None:
        if self._parser is None and lines:
            header, *lines = lines
            try:
                self._parser = self._csv(csv_cells(header, self._delimiter))
            except BadRecord as error:
                raise BadObject(f"the header cannot be read: {error}") from error
        self._ready = lines

    @property
    def _delimiter(self) -> str:
        return str(self._source.csv.get("Delimiter") or ",")

    def _fixed_parser(self) -> Parser | None:
        """Return the parser, None when the first line says what it must know."""
        if self._source.format != "CSV":
            return PARSERS[self._source.format]
        header = self._source.csv.get("HeaderList")
        return self._csv(header) if header else None

    def _csv(self, header: list[str]) -> Parser:
        return CsvParser(self._delimiter, header, self._source.types)


def _fed(decompressor: Decompressor, piece: bytes) -> bytes | BadObject:
    """Return what is in a piece, or what is wrong with it: nobody may ever ask."""
    try:
        return decompressor.feed(piece)
    except BadObject as error:
        return error
