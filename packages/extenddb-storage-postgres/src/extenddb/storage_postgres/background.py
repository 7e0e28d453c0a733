"""Work that takes long: callers ask for it again and again until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

_PATIENCE: Final = 1.0
"""Seconds after which a caller is told that it takes longer."""


class Background:
    """The work of one process, each piece under its name."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self._running: dict[str, asyncio.Task[None]] = {}

    async def done(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Tell whether work is done, which goes on behind an answer of False; begin it when it is not under way.

        Raises what it raised.
        """
        task = self._running.get(name)
        if task is None:
            task = self._running[name] = asyncio.create_task(work())
        await asyncio.wait([task], timeout=_PATIENCE)
        if not task.done():
            return False
        self._running.pop(name, None)
        task.result()
        return True

    async def close(self) -> None:
        """Break off what is under way."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
