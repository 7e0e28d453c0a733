"""Running jobs and chores under leases."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from extenddb.core.errors import ServiceError
from extenddb.engine import codec
from extenddb.engine.context import Context
from extenddb.storage.errors import Conflict, SchemaMismatch, StorageError
from extenddb.storage.model import Document

log = logging.getLogger("extenddb.engine.jobs")

KIND = "job"
"""Kind of the documents that hold jobs."""
LEASE_SECONDS = 10.0
"""How long a process may be silent before another takes over; a step is much shorter."""
_IDLE_SECONDS = 1.0
_DEFECT_SECONDS = 5.0  # before what failed for no known reason is tried again
_FAREWELL_SECONDS = 2.0  # for giving leases back
_JOBS_AT_ONCE = 100

_numbers = itertools.count()  # orders the jobs that one process starts within a millisecond

State: TypeAlias = dict[str, Any]
"""Progress of a job: JSON values."""
Step: TypeAlias = Callable[[Context, State], Awaitable[State | None]]
"""One bounded piece of a job's work; None when all is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Work that is done from time to time."""

    name: str
    seconds: Callable[[Context], float]
    """Pause between two runs, in seconds."""
    run: Callable[[Context], Awaitable[None]]


async def start_job(context: Context, kind: str, state: State) -> str:
    """Write a job down and return its key; whichever process ticks next works on it."""
    key = f"{context.clock():013d}-{next(_numbers):06d}-{context.ids()}"
    await context.backend.documents.put(KIND, key, codec.dump({"Type": kind, "State": state}), expected=0)
    context.wake.set()
    return key


class Jobs:
    """The jobs and chores of one engine."""

    def __init__(self, context: Context, steps: Mapping[str, Step], chores: tuple[Chore, ...]) -> None:
        self._context = context
        self._steps = steps
        self._chores = chores
        self._holder = uuid.uuid4().hex
        self._due: dict[str, int] = {}
        self._held: set[str] = set()

    async def run(self) -> None:
        """Tick until cancelled, pausing while there is nothing to do. Errors are logged and tried again."""
        try:
            while True:
                if not await self._guarded("tick", self.tick()):
                    await self._pause()
        finally:
            await self._give_back()

    async def tick(self) -> bool:
        """Do one step of every job and every chore that is due; tell whether a job has more to do.

        Errors of one are logged, and keep none of the others from being done.
        """
        for chore in self._chores:
            await self._guarded(f"chore/{chore.name}", self._do(chore))
        documents = await self._context.backend.documents.list(KIND, limit=_JOBS_AT_ONCE)
        busy = False
        for document in documents:
            name = f"job/{document.key}"
            if self._due.get(name, 0) <= self._context.clock():
                busy |= await self._guarded(name, self._step(document))
        return busy

    async def _guarded(self, name: str, work: Coroutine[Any, Any, bool]) -> bool:
        try:
            return await work
        except (StorageError, ServiceError) as error:
            log.warning("Background work is put off: %s: %s", name, error)
        except Exception:
            log.exception("Background work failed: %s", name)
            self._due[name] = self._context.clock() + int(_DEFECT_SECONDS * 1000)
        return False

    async def _pause(self) -> None:
        wake = self._context.wake
        wake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), _IDLE_SECONDS)

    async def _acquire(self, lease: str, seconds: float) -> bool:
        if not await self._context.backend.leases.acquire(lease, self._holder, seconds=seconds):
            self._held.discard(lease)
            return False
        self._held.add(lease)
        return True

    async def _release(self, lease: str) -> None:
        await self._context.backend.leases.release(lease, self._holder)
        self._held.discard(lease)

    async def _give_back(self) -> None:
        """Let other processes, or the next run of this one, go on at once."""
        with contextlib.suppress(StorageError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                for lease in self._held:
                    await self._context.backend.leases.release(lease, self._holder)

    async def _do(self, chore: Chore) -> bool:
        now = self._context.clock()
        name = f"chore/{chore.name}"
        if self._due.get(name, 0) > now:
            return False
        pause = chore.seconds(self._context)
        self._due[name] = now + int(pause * 1000)
        if await self._acquire(name, max(pause, LEASE_SECONDS)):
            await chore.run(self._context)
        return False

    async def _step(self, document: Document) -> bool:
        """Advance one job if no other process does; tell whether it goes on."""
        backend = self._context.backend
        lease = f"job/{document.key}"
        if not await self._acquire(lease, LEASE_SECONDS):
            return False
        current = await backend.documents.get(KIND, document.key)
        if current is None:
            await self._release(lease)
            return False
        document = current  # the listed one is from before the lease: another process may have gone on since
        job = codec.parse(document.body)
        try:
            state = await self._steps[job["Type"]](self._context, job["State"])
        except SchemaMismatch:
            self._context.tables.forget_all()
            return True
        try:
            if state is None:
                await backend.documents.delete(KIND, document.key, expected=document.version)
                await self._release(lease)
                return False
            body = codec.dump({"Type": job["Type"], "State": state})
            await backend.documents.put(KIND, document.key, body, expected=document.version)
        except Conflict:
            return True  # another process took over meanwhile: what both did is the same
        return True
