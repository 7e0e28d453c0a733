"""Repeating what gave way to a concurrent request: single store calls, and changes that read before they write."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from extenddb.storage.errors import Conflict, NotFound, SerializationFailure, StorageError

_ATTEMPTS = 8
_BASE = 0.002  # seconds, doubled with each further attempt
_CAP = 0.2  # seconds: the longest pause
_CHANGE_ATTEMPTS = 24  # each round of rivals lets one of them through, and pauses spread the others
_PATIENCE = 8.0  # seconds after which no further attempt begins: a store that waits for locks has waited already

T = TypeVar("T")


async def pause(attempt: int) -> None:
    """Wait before an attempt is repeated, at random up to a bound that doubles with each attempt from 0 on."""
    await asyncio.sleep(random.uniform(0, min(_BASE * 2**attempt, _CAP)))  # noqa: S311  (spreads rivals, hides nothing)


async def retrying(call: Callable[[], Awaitable[T]]) -> T:
    """Return what the call returns, repeating it while the store asks for that; at last raises what it raised."""
    return await _repeated(call, (SerializationFailure,), _ATTEMPTS)


async def changing(change: Callable[[], Awaitable[T]], what: str) -> T:
    """Return what a change returns that reads, decides, and writes back unless somebody else wrote meanwhile.

    Then it begins anew: when the version is another, and when what it read is gone. Raises SerializationFailure, which
    names `what` is changed, after many attempts.
    """
    try:
        return await _repeated(change, (Conflict, NotFound, SerializationFailure), _CHANGE_ATTEMPTS)
    except (Conflict, NotFound, SerializationFailure) as error:
        raise SerializationFailure(f"{what} is changed by many at the same time") from error


async def _repeated(call: Callable[[], Awaitable[T]], on: tuple[type[StorageError], ...], attempts: int) -> T:
    end = time.monotonic() + _PATIENCE
    attempt = 0
    while True:
        try:
            return await call()
        except on:
            attempt += 1
            if attempt >= attempts or time.monotonic() >= end:
                raise
            await pause(attempt - 1)
