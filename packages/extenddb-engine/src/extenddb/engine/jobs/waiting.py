"""Waiting for a job, within bounds; and doing several turns of one within a step."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from extenddb.core.errors import ServiceError
from extenddb.engine.buckets import BucketError
from extenddb.engine.context import Context
from extenddb.engine.jobs.runner import KIND, State
from extenddb.storage.errors import StorageError

log = logging.getLogger("extenddb.engine.jobs")

_POLL = 0.01
_STEP_SECONDS = 1.0  # at most, so that progress shows
_STEPS = 10  # of a lease: what a step takes must not come near to it
_TURN_SHARE = 0.8  # of a step, for a turn that does as much as it can


class Ended(Exception):
    """A job cannot go on because of what users did meanwhile, such as removing what it reads."""


_NO_DEFECTS = (BucketError, Ended, ServiceError)
"""What ends a job without anybody who operates the service having to look into it."""

NOTE = "Note"
"""Member of a state that is to be written down before the next turn: what it says must be the same for all who repeat
that turn."""

Turn = Callable[[Context, State], Awaitable[State | None]]
"""A small piece of a job's work; None when all is done. May be repeated after a crash."""
Failed = Callable[[Context, State, Exception], Awaitable[None]]
"""Cleans up after a job that cannot go on."""


async def settled(context: Context, *keys: str) -> None:
    """Return when jobs are done, or when their caller has waited long enough."""
    deadline = time.monotonic() + context.settings.settle_seconds
    waiting = list(keys)
    while waiting and time.monotonic() < deadline:
        if await context.backend.documents.get(KIND, waiting[-1]) is None:
            waiting.pop()
            continue
        await asyncio.sleep(_POLL)


def turn_end(context: Context) -> float:
    """Return the time, as `time.monotonic` tells it, at which a turn that could go on should end."""
    return time.monotonic() + _step_seconds(context) * _TURN_SHARE


def _step_seconds(context: Context) -> float:
    return min(_STEP_SECONDS, context.settings.lease_seconds / _STEPS)


async def turns(context: Context, state: State, turn: Turn, failed: Failed) -> State | None:
    """Do turns for a tenth of a lease, at most about a second, and return the state behind them.

    What the store asks to repeat is repeated by the runner; every other error ends the job.
    """
    deadline = time.monotonic() + _step_seconds(context)
    while True:
        try:
            following = await turn(context, state)
        except StorageError:
            raise
        except Exception as error:
            _log(state, error)
            await failed(context, state, error)
            return None
        if following is None or following.pop(NOTE, False) or time.monotonic() >= deadline:
            return following
        state = following


def _log(state: State, error: Exception) -> None:
    about = {name: state.get(name) for name in ("Namespace", "Table", "Key")}
    if isinstance(error, _NO_DEFECTS):
        log.warning("A job ended: %s: %s", about, error)
    else:
        log.error("A job failed: %s", about, exc_info=error)
