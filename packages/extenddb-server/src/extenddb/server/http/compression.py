"""Content codings: what requests may be packed in, and when answers are packed.

The service takes gzip and deflate in both directions (scylladb/scylladb#27049, #27917, #5041). It packs answers of more
than a few kilobytes when asked to, and computes the checksum over what it sends (smithy-lang/smithy-rs#129). Errors are
never packed here: the service announces gzip for large ones and sends them plain (AllocZero/EfficientDynamoDb#281).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping

from extenddb.core.errors import REQUEST_ENTITY_TOO_LARGE, SERIALIZATION, ServiceError
from extenddb.server.http.message import printable

BODY_LIMIT = 17 * 1024 * 1024
"""Largest body read, and unpacked: the service's 16 MB and room for what it forgives."""
PACKED_FROM = 4096
"""Smallest answer that is packed; reports speak of four or five kilobytes."""
_LEVEL = 1
_AT_ONCE = 64 * 1024  # packing more is left to a thread: other requests would wait for it
_SLICE = 64 * 1024
"""Packed bytes given to the decompressor at a time: it copies what it leaves over."""
_MOST_MEMBERS = 1024
"""Members of one gzip body; each costs far more than its twenty bytes."""
_HIGHEST_RATIO = 1032
"""Deflate packs no better (zlib, technical details)."""
_UNPACKED_AT_ONCE = 256
"""Packed bytes that are unpacked in place; more may become so many that other requests would wait."""
_GZIP = 16 + zlib.MAX_WBITS
_FORMATS: Mapping[str, int] = {"gzip": _GZIP, "deflate": zlib.MAX_WBITS}
"""Window sizes by coding, in the order in which they are preferred; `deflate` is zlib's format."""


async def unpacked(body: bytes, codings: str, reserve: Callable[[int], None]) -> bytes:
    """Return a body without its content coding, never more of it than a plain body may have.

    `reserve` takes the memory, bytes. Raises ServiceError.
    """
    coding = codings.strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in _FORMATS:
        raise ServiceError(SERIALIZATION, f"Unsupported content encoding: {printable(coding)}")
    if len(body) <= _UNPACKED_AT_ONCE:
        return _unpack(body, coding)
    reserve(min(BODY_LIMIT, len(body) * _HIGHEST_RATIO))
    return await asyncio.to_thread(_unpack, body, coding)


def _unpack(body: bytes, coding: str) -> bytes:
    """Unpack all members of a body; time and memory grow with what goes in and what may come out, nothing else."""
    plain = bytearray()
    view = memoryview(body)
    members = at = 0
    while at < len(body):  # a gzip body may have several members
        members += 1
        if members > _MOST_MEMBERS:
            raise ServiceError(SERIALIZATION)
        at = _unpack_member(view, at, zlib.decompressobj(_FORMATS[coding]), plain)
    return bytes(plain)


def _unpack_member(view: memoryview, at: int, reader: zlib._Decompress, plain: bytearray) -> int:
    """Add one member to `plain` and return where it ends."""
    while not reader.eof:
        if at >= len(view):
            raise ServiceError(SERIALIZATION)
        try:
            plain += reader.decompress(view[at : at + _SLICE], BODY_LIMIT + 1 - len(plain))
        except zlib.error:
            raise ServiceError(SERIALIZATION) from None
        if len(plain) > BODY_LIMIT:
            raise too_large()
        at = min(at + _SLICE, len(view)) - len(reader.unused_data)
    return at


def too_large() -> ServiceError:
    """Return the error of a body over the limit."""
    return ServiceError(REQUEST_ENTITY_TOO_LARGE, f"Request body is larger than {BODY_LIMIT} bytes")


def chosen(accepted: str) -> str:
    """Return the coding of an answer, by the request's Accept-Encoding; empty for none."""
    offered = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        offered[name.strip()] = parameter.replace(" ", "")
    return next((name for name in _FORMATS if name in offered and not _is_zero(offered[name])), "")


def _is_zero(parameter: str) -> bool:
    """Tell whether `q=0` in one of its forms was given, which forbids a coding."""
    name, _, value = parameter.partition("=")
    return name == "q" and not value.strip("0.")


async def packed(body: bytes, coding: str) -> bytes:
    """Return an answer's body in a coding."""
    if len(body) <= _AT_ONCE:
        return _pack(body, coding)
    return await asyncio.to_thread(_pack, body, coding)


def _pack(body: bytes, coding: str) -> bytes:
    writer = zlib.compressobj(_LEVEL, wbits=_FORMATS[coding])
    return writer.compress(body) + writer.flush()
