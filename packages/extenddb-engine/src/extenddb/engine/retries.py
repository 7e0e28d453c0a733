"""Repeating store calls that gave way to a concurrent one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from extenddb.storage.errors import SerializationFailure

_ATTEMPTS = 8
_BASE = 0.002  # seconds, doubled with each further attempt

T = TypeVar("T")


async def retrying(call: Callable[[], Awaitable[T]]) -> T:
    """Return what the call returns, repeating it while the store asks for that; at last raises what it raised."""
    for attempt in range(_ATTEMPTS):
        try:
            return await call()
        except SerializationFailure:
            if attempt == _ATTEMPTS - 1:
                raise
            await asyncio.sleep(random.uniform(0, _BASE * 2**attempt))  # noqa: S311  (spreads rivals, hides nothing)
    raise AssertionError
