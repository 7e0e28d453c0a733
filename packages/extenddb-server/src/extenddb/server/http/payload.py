"""The JSON of a request, within bounds: a few bytes of text can become hundreds of bytes of objects.

The parser holds the interpreter's lock until it is done, so that a thread would not help; what bounds the time is the
number of lists and maps. It is counted before a large body is parsed.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import orjson

from extenddb.core.errors import REQUEST_ENTITY_TOO_LARGE, SERIALIZATION, ServiceError

PARSED_AT_ONCE = 128 * 1024
"""Largest body that is parsed without a look at it: it takes a few milliseconds at the most."""
MOST_CONTAINERS = 2_000_000
"""Lists and maps in one request: 0.4 s to parse. The service's 16 MB hold fewer, but for values without content."""
_CONTAINER_BYTES = 120
"""Memory of one list or map, on the average of both."""
_SLICE = 256 * 1024
Reserve = Callable[[int], None]
"""Takes memory, bytes, until the request is answered. Raises ServiceError when there is no room."""


def parsed(body: bytes) -> object:
    """Return the value of a JSON text. Raises ServiceError: Serialization."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ServiceError(SERIALIZATION) from None


async def parsed_with_care(body: bytes, reserve: Reserve) -> object:
    """Return the value of a large JSON text. Raises ServiceError: Serialization, RequestEntityTooLarge."""
    containers = body.count(b"[") + body.count(b"{")
    if containers > MOST_CONTAINERS:
        containers = await _containers(body)
    if containers > MOST_CONTAINERS:
        raise ServiceError(REQUEST_ENTITY_TOO_LARGE, f"Request body holds more than {MOST_CONTAINERS} lists and maps")
    reserve(containers * _CONTAINER_BYTES)
    collecting = gc.isenabled()
    gc.disable()  # looking for cycles among millions of new objects takes several times as long as making them
    try:
        return parsed(body)
    finally:
        if collecting:
            gc.enable()


async def _containers(body: bytes) -> int:
    """Return how many lists and maps begin outside of strings, letting others work between slices."""
    count = 0
    inside = 0
    start = 0
    while start < len(body):
        end = start + _SLICE
        while body[end - 1 : end] == b"\\":  # an escape stays whole
            end += 1
        text = body[start:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        pieces = text.split(b'"')
        outside = b"".join(pieces[inside::2])
        count += outside.count(b"[") + outside.count(b"{")
        inside = (inside + len(pieces) - 1) % 2
        start = end
        await asyncio.sleep(0)
    return count
