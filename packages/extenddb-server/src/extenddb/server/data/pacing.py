"""When to do the next thing: rates, and pauses between attempts. Clock, sleep and chance are given."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds on some clock."""
Sleep = Callable[[float], Awaitable[None]]
"""Waits some seconds."""
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """The clocks a command lives by."""

    wall: Clock = time.time
    """Seconds since the epoch."""
    steady: Clock = time.monotonic
    """Seconds that never jump."""
    sleep: Sleep = asyncio.sleep


def pause(attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Return how many seconds to wait before repeating for the `attempt`-th time (from 0), spread by chance."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 16))
    return longest * (0.5 + chance() / 2)


class Rate:
    """Lets through so many items a second, evenly and without saving up for bursts."""

    def __init__(self, per_second: float | None, times: Time) -> None:
        """`per_second` None means without limit."""
        self._per_second = per_second
        self._times = times
        self._free = times.steady()

    async def take(self, count: int) -> None:
        """Wait until the next `count` items may go."""
        if self._per_second is None:
            return
        now = self._times.steady()
        start = max(now, self._free)
        self._free = start + count / self._per_second
        if start > now:
            await self._times.sleep(start - now)
