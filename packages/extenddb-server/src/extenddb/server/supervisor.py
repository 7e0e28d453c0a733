"""The parent of the worker processes: starts them, starts them again, stops them.

Each worker is a fresh interpreter (no fork of a process with threads and loops). It lives in one `_Slot`:

    starting -> ready -> ended -> (pause) -> starting ...

A worker that never became ready in the life of the supervisor ends the whole start: its sentence is the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process

import orjson

from extenddb.server.config import ConfigError
from extenddb.server.plan import Plan

log = logging.getLogger("extenddb.server")

_COMMAND = (sys.executable, "-P", "-m", "extenddb.server.worker")
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STEADY_SECONDS = 10.0
"""A worker that lived so long starts again at once when it dies."""
_KILL_SECONDS = 5.0
"""How much longer than its drain a worker may take to end."""


class _Slot:
    """One place for a worker, whose process changes."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.ready = False


class Supervisor:
    """Keeps a number of workers running."""

    def __init__(self) -> None:
        self._slots: list[_Slot] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._stopping = False

    async def spawn(self, count: int) -> None:
        """Start processes that warm up and wait for their plan."""
        for _ in range(count):
            self._slots.append(_Slot(await _process()))

    async def start(self, plan: Plan) -> None:
        """Give the plan to all workers and return when the first answers requests.

        Raises ConfigError if a worker ends before; the worker has said why.
        """
        self._keepers = [asyncio.create_task(self._keep(slot, plan)) for slot in self._slots]
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait([ready, *self._keepers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self._ready.is_set():
            raise ConfigError("A worker process could not start.")

    async def _keep(self, slot: _Slot, plan: Plan) -> None:
        pause = _FIRST_PAUSE
        line = orjson.dumps(plan.to_json()) + b"\n"
        while True:
            begun = time.monotonic()
            await self._watch(slot, line)
            if self._stopping or not self._ready.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - begun > _STEADY_SECONDS else min(pause * 2, _LONGEST_PAUSE)
            code = slot.process.returncode
            log.warning("Worker %s ended with code %s; starting another", slot.process.pid, code)
            await asyncio.sleep(pause)
            slot.process = await _process()

    async def _watch(self, slot: _Slot, line: bytes) -> None:
        """Feed a process, note that it is ready, and return when it has ended."""
        process = slot.process
        assert process.stdin is not None  # noqa: S101  -- _process opens both pipes
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):
            process.stdin.write(line)
            await process.stdin.drain()
        if await process.stdout.readline():
            slot.ready = True
            self._ready.set()
        await process.wait()
        slot.ready = False

    async def stop(self, seconds: float) -> None:
        """Let all workers drain for at most some seconds, then end those that still run."""
        self._stopping = True
        running = [slot.process for slot in self._slots if slot.process.returncode is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(seconds + _KILL_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))
        except TimeoutError:
            log.warning("Workers did not stop in time and are ended")
        finally:
            await self.end()

    async def end(self) -> None:
        """End all workers now, and wait until nothing of them is left."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(_end(slot.process) for slot in self._slots))


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        await process.stdout.read()  # until its end, for the loop must not be closed over open pipes
    await process.wait()


async def _process() -> Process:
    """Start a process in a session of its own, so that a Ctrl-C reaches the supervisor alone."""
    return await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True)
