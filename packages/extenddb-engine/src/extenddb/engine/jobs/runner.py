"""Running jobs and chores under leases."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
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
_RENEWALS = 3  # of a lease in its time, while a step or chore runs
_IDLE_SECONDS = 0.25  # until what another process has begun is noticed
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


def lease_of(key: str) -> str:
    """Return the name of the lease under which a job is worked on."""
    return f"job/{key}"


async def start_job(context: Context, kind: str, state: State, *, group: str = "") -> str:
    """Write a job down and return its key; whichever process ticks next works on it."""
    key = f"{context.clock():013d}-{next(_numbers):06d}-{context.ids()}"
    await write_job(context, kind, state, key, group=group)
    return key


async def write_job(context: Context, kind: str, state: State, key: str, *, group: str = "") -> bool:
    """Write a job down under a key of its own; False when there is one already, which stays as it is.

    Of the jobs of one group a process has only one under way, so that other processes take the others.
    """
    body = codec.dump({"Type": kind, "State": state, "Group": group})
    try:
        await context.backend.documents.put(KIND, key, body, expected=0)
    except Conflict:
        return False
    context.wake.set()
    return True


async def find_job(context: Context, key: str) -> State | None:
    """Return the state of a job as it was last written down; None when it is done."""
    document = await context.backend.documents.get(KIND, key)
    state: State | None = codec.parse(document.body)["State"] if document is not None else None
    return state


class Jobs:
    """The jobs and chores of one engine."""

    def __init__(self, context: Context, steps: Mapping[str, Step], chores: tuple[Chore, ...]) -> None:
        self._context = context
        self._steps = steps
        self._chores = chores
        self._holder = f"{os.getpid()}-{uuid.uuid4().hex}"  # the process, for whoever looks into the store
        self._due: dict[str, int] = {}
        self._held: set[str] = set()
        self._groups: dict[str, str] = {}
        """The lease that is held in each group."""

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
        there = {lease_of(document.key) for document in documents}
        self._groups = {group: lease for group, lease in self._groups.items() if lease in there}
        busy = False
        for document in documents:
            name = lease_of(document.key)
            if self._due.get(name, 0) <= self._context.clock():
                busy |= await self._guarded(name, self._step(document))
        if not documents:
            self._context.readers.clear()  # left by jobs that another process went on with, and ended
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
            self._let_go(lease)
            return False
        self._held.add(lease)
        return True

    @contextlib.asynccontextmanager
    async def _renewed(self, lease: str, seconds: float) -> AsyncIterator[None]:
        """Keep a lease that is held: work that waits for a slow bucket is not the work of a dead process."""
        task = asyncio.create_task(self._renew(lease, seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _renew(self, lease: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds / _RENEWALS)
            with contextlib.suppress(StorageError):
                await self._acquire(lease, seconds)

    async def _release(self, lease: str) -> None:
        await self._context.backend.leases.release(lease, self._holder)
        self._let_go(lease)

    def _let_go(self, lease: str) -> None:
        self._held.discard(lease)
        self._groups = {group: held for group, held in self._groups.items() if held != lease}

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
        seconds = max(pause, self._context.settings.lease_seconds)
        if await self._acquire(name, seconds):
            async with self._renewed(name, seconds):
                await chore.run(self._context)
        return False

    async def _step(self, document: Document) -> bool:
        """Advance one job if no other process does; tell whether it goes on."""
        backend = self._context.backend
        lease, seconds = lease_of(document.key), self._context.settings.lease_seconds
        group = codec.parse(document.body).get("Group")
        if group and self._groups.get(group, lease) != lease:
            return False
        if not await self._acquire(lease, seconds):
            return False
        if group:
            self._groups[group] = lease
        current = await backend.documents.get(KIND, document.key)
        if current is None:
            await self._release(lease)
            return False
        document = current  # the listed one is from before the lease: another process may have gone on since
        job = codec.parse(document.body)
        try:
            async with self._renewed(lease, seconds):
                state = await self._steps[job["Type"]](self._context, job["State"])
        except SchemaMismatch:
            return True  # a step reads its table itself: the next one meets the new shape
        try:
            if state is None:
                await backend.documents.delete(KIND, document.key, expected=document.version)
                await self._release(lease)
                return bool(group)  # others of the group were passed over
            body = codec.dump({**job, "State": state})
            await backend.documents.put(KIND, document.key, body, expected=document.version)
        except Conflict:
            return True  # another process took over meanwhile: what both did is the same
        return True
