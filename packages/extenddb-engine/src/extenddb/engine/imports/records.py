"""From the bytes of an object to the records in it: decompression and cutting, piece by piece. Pure."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from extenddb.core.errors import validation

MAX_RECORD = 8 * 1024 * 1024
"""Bytes of the longest record; the largest item in the most wasteful JSON is shorter."""
_GZIP = 31  # zlib's window size for gzip with its header
_ZSTD_MISSING = (
    "One or more parameter values were invalid: the compression ZSTD needs the Python library zstandard, "
    "which is not installed on this server"
)


class BadObject(ValueError):
    """An object is not what it should be; nothing more of it can be read."""


class Decompressor(Protocol):
    """Takes the pieces of an object and gives the bytes in them."""

    def feed(self, data: bytes) -> bytes:
        """Return what can be told so far. Raises BadObject."""

    def finish(self) -> None:
        """Check that the object ended where it should. Raises BadObject."""


class Plain:
    """No compression."""

    def feed(self, data: bytes) -> bytes:
        """See `Decompressor.feed`."""
        return data

    def finish(self) -> None:
        """See `Decompressor.finish`."""


class Gzip:
    """GZIP, also of several members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """See `Decompressor.feed`."""
        found = []
        try:
            while data:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
                found.append(self._member.decompress(data))
                self._begun = True
                data = self._member.unused_data
        except zlib.error as error:
            raise BadObject(f"the object is not GZIP: {error}") from error
        return b"".join(found)

    def finish(self) -> None:
        """See `Decompressor.finish`."""
        if self._begun and not self._member.eof:
            raise BadObject("the object ends in the middle of its GZIP data")


class Zstd:
    """ZSTD, also of several frames."""

    def __init__(self) -> None:
        try:
            self._library: Any = importlib.import_module("zstandard")
        except ImportError:
            raise validation(_ZSTD_MISSING) from None
        self._frame = self._new()
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """See `Decompressor.feed`."""
        found = []
        try:
            while data:
                if self._frame.eof:
                    self._frame = self._new()
                found.append(self._frame.decompress(data))
                self._begun = True
                data = self._frame.unused_data
        except self._library.ZstdError as error:
            raise BadObject(f"the object is not ZSTD: {error}") from error
        return b"".join(found)

    def finish(self) -> None:
        """See `Decompressor.finish`."""
        if self._begun and not self._frame.eof:
            raise BadObject("the object ends in the middle of its ZSTD data")

    def _new(self) -> Any:
        return self._library.ZstdDecompressor().decompressobj()


DECOMPRESSORS: Mapping[str, Callable[[], Decompressor]] = {"NONE": Plain, "GZIP": Gzip, "ZSTD": Zstd}
"""By InputCompressionType. Making one raises a ValidationException when its library is not installed."""


class Cutter:
    """Cuts bytes into records that end with a newline; with `quoted`, one within double quotes does not count."""

    def __init__(self, *, quoted: bool = False) -> None:
        self._quoted = quoted
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the records that are complete now, each with its newline. Raises BadObject for one without end."""
        records = _lines(data)
        if records:
            records[0] = self._rest + records[0]
            self._rest = b"" if records[-1].endswith(b"\n") else records.pop()
        if self._quoted:
            records = self._joined(records)
        if len(self._rest) > MAX_RECORD:
            raise BadObject(f"a record is longer than {MAX_RECORD} bytes")
        return records

    def finish(self) -> list[bytes]:
        """Return what is left after the last newline."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []

    def _joined(self, lines: list[bytes]) -> list[bytes]:
        records: list[bytes] = []
        begun = b""
        for line in lines:
            begun += line
            if begun.count(b'"') % 2 == 0:
                records.append(begun)
                begun = b""
        self._rest = begun + self._rest
        return records


def _lines(data: bytes) -> list[bytes]:
    """Return lines with their newlines, and what is left after the last."""
    if b"\r" not in data:
        return data.splitlines(keepends=True)
    *lines, rest = data.split(b"\n")  # a lone carriage return ends no line
    found = [line + b"\n" for line in lines]
    return [*found, rest] if rest else found
