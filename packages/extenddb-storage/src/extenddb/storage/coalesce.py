"""Gathers the concurrent single calls of one process into set-at-a-time calls of a store.

Theory. A lane sends one batch at a time per slot. While all slots of a lane are busy, calls queue; a slot that gets
free takes what has queued. An idle lane starts a task, whose first step runs when everything that is ready in this
iteration of the event loop has run: requests that arrive together share a batch, and nobody ever waits for a timer.
Mutations of one key always queue in one lane, so they stay in order and a hot key costs one row lock at a time.

One call costs one future and one tuple: no task, no lock, no copy. All that is dear happens after a batch has failed.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, cast

from extenddb.storage.errors import Ambiguous, ContractViolation, SchemaMismatch, StorageError, Unavailable
from extenddb.storage.model import Decision, Key, Mutation, PointRead, Reject, Row, Space
from extenddb.storage.spi import Items


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalesceSettings:
    """How calls are gathered."""

    gather: bool = True
    """False sends every call by itself, at once, with the same treatment of errors."""
    read_lanes: int = 2
    """Batches of reads under way at the same time."""
    write_lanes: int = 2
    """Batches of mutations under way at the same time, each over its own share of the keys."""
    read_batch: int = 128
    """Most reads of one batch."""
    write_batch: int = 64
    """Most mutations of one batch."""
    write_bytes: int = 4 * 1024 * 1024
    """Most weight of one batch of mutations; a single one may exceed it."""
    repeats: int = 4
    """How often a batch is repeated whole after errors that allow it."""
    backoff: float = 0.005
    """Seconds: upper bound of the random pause before the first repetition, doubled for each further one."""
    backoff_cap: float = 0.1
    """Seconds: upper bound of all such pauses."""


@dataclass(slots=True)
class Counters:
    """What one kind of lane did so far."""

    batches: int = 0
    """Calls of the store."""
    members: int = 0
    """Reads or mutations in those calls; repetitions count again."""
    repeats: int = 0
    """Batches sent again whole."""
    splits: int = 0
    """Batches taken apart to find the members that fail."""


class _Waiter(Protocol):
    """Who gets a member's result: a future, or a part of a group's future."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


class _Spaced(Protocol):
    @property
    def space(self) -> Space: ...


_Payload = TypeVar("_Payload", bound=_Spaced)
_Entry: TypeAlias = tuple[_Payload, _Waiter, int]
"""A queued call: what to send, who waits, and its weight in bytes."""


class _Attempt(NamedTuple, Generic[_Payload]):
    """A batch to send, with what has already been tried."""

    batch: list[_Entry[_Payload]]
    repeats: int
    guarded: bool = False


class _Lane(Generic[_Payload]):
    """One queue and the slots that empty it."""

    def __init__(
        self,
        call: Callable[[Sequence[_Payload]], Awaitable[list[Any]]],
        *,
        slots: int,
        count: int,
        weight: int,
        retry: _Retry,
        counters: Counters,
        guard: Callable[[_Payload], _Payload] | None = None,
    ) -> None:
        self._call = call
        self._free = slots
        self._count = count
        self._weight = weight
        self._retry = retry
        self._counters = counters
        self._guard = guard
        self._starting = False
        self._queues: dict[str, deque[_Entry[_Payload]]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def submit(self, payload: _Payload, waiter: _Waiter, weight: int = 0) -> None:
        """Queue a call."""
        space = payload.space.id
        queue = self._queues.get(space)
        if queue is None:
            queue = self._queues[space] = deque()
        queue.append((payload, waiter, weight))
        if self._free and not self._starting:
            self._start()

    async def serve(self, batch: list[_Entry[_Payload]]) -> None:
        """Send a batch until every member has its result or error."""
        todo = [_Attempt(batch, self._retry.repeats)]
        while todo:
            attempt = todo.pop()
            members = attempt.batch
            self._counters.batches += 1
            self._counters.members += len(members)
            try:
                results = await self._call([payload for payload, _, _ in members])
            except Exception as error:
                # Parts run in order before anything behind them, so mutations of one key keep their order.
                todo.extend(reversed(await self._after(attempt, error)))
            else:
                _deliver(members, results, attempt.guarded)

    def _start(self) -> None:
        self._free -= 1
        self._starting = True
        task = asyncio.get_running_loop().create_task(self._work())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _work(self) -> None:
        batch: list[_Entry[_Payload]] = []
        self._starting = False
        try:
            while batch := self._take():
                if self._queues and self._free and not self._starting:
                    self._start()
                await self.serve(batch)
        except BaseException:
            # Only when the loop is torn down: what was sent may have been applied.
            _fail(batch, Ambiguous("the call was interrupted"))
            raise
        finally:
            self._free += 1

    def _take(self) -> list[_Entry[_Payload]]:
        """Take a batch from the queues, the spaces in turn with equal shares; callers that gave up are dropped."""
        batch: list[_Entry[_Payload]] = []
        queues = self._queues
        weight = 0
        while queues and len(batch) < self._count:
            share = max(1, (self._count - len(batch)) // len(queues))
            for space in list(queues)[: self._count - len(batch)]:
                queue = queues.pop(space)
                weight = self._move(queue, batch, share, weight)
                if queue:
                    queues[space] = queue
                if weight >= self._weight:
                    return batch
        return batch

    def _move(self, queue: deque[_Entry[_Payload]], batch: list[_Entry[_Payload]], share: int, weight: int) -> int:
        """Move up to `share` entries into the batch and return its new weight, the bound when it is full."""
        while queue and share:
            if queue[0][1].done():
                queue.popleft()
                continue
            weight += queue[0][2]
            if weight > self._weight and batch:
                return self._weight
            batch.append(queue.popleft())
            share -= 1
        return weight

    async def _after(self, attempt: _Attempt[_Payload], error: Exception) -> list[_Attempt[_Payload]]:
        """Return what to send after an error, nothing when all members have theirs."""
        batch = attempt.batch
        if isinstance(error, StorageError) and error.retry and attempt.repeats:
            await self._retry.pause(attempt.repeats)
            self._counters.repeats += 1
            left = [entry for entry in batch if not entry[1].done()]
            return [attempt._replace(batch=left, repeats=attempt.repeats - 1)] if left else []
        parts = self._parts(attempt, error)
        if not parts:
            _fail(batch, error)
            return []
        self._counters.splits += 1
        return parts

    def _parts(self, attempt: _Attempt[_Payload], error: Exception) -> list[_Attempt[_Payload]]:
        """Return what to try instead of a batch that failed for good, nothing when it fails as a whole."""
        batch = attempt.batch
        if isinstance(error, SchemaMismatch):
            groups: dict[tuple[str, int], list[_Entry[_Payload]]] = {}
            for entry in batch:
                groups.setdefault((entry[0].space.id, entry[0].space.epoch), []).append(entry)
            return [attempt._replace(batch=group) for group in groups.values()] if len(groups) > 1 else []
        # No member is to blame for a store that is away, and asking once per member would be a storm.
        if isinstance(error, (Ambiguous, Unavailable)) or len(batch) == 1:
            return []
        if self._guard and not attempt.guarded and not isinstance(error, StorageError):
            guarded = [(self._guard(payload), waiter, weight) for payload, waiter, weight in batch]
            return [_Attempt(guarded, attempt.repeats, True)]
        middle = len(batch) // 2
        repeats = min(1, self._retry.repeats)
        return [_Attempt(half, repeats, attempt.guarded) for half in (batch[:middle], batch[middle:])]


class _Retry:
    """When and how often to repeat."""

    def __init__(
        self, settings: CoalesceSettings, sleep: Callable[[float], Awaitable[None]], chance: Callable[[], float]
    ) -> None:
        self.repeats = settings.repeats
        self._settings = settings
        self._sleep = sleep
        self._chance = chance

    async def pause(self, left: int) -> None:
        """Wait before a repetition, longer the fewer are left."""
        bound = self._settings.backoff * 2 ** max(0, self.repeats - left)
        await self._sleep(min(bound, self._settings.backoff_cap) * self._chance())


class Coalescer:
    """The engine's way to a store's single rows. One event loop, one process, any number of concurrent callers."""

    def __init__(
        self,
        items: Items,
        settings: CoalesceSettings | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Gather calls for `items`; `chance` gives numbers from 0 to below 1 for the jitter of pauses."""
        self.settings = settings or CoalesceSettings()
        self.reads = Counters()
        self.writes = Counters()
        self._closed = False
        retry = _Retry(self.settings, sleep, chance)
        self._read_lane: _Lane[PointRead] = _Lane(
            items.get,
            slots=self.settings.read_lanes,
            count=self.settings.read_batch,
            weight=1,  # reads weigh nothing: what they will find is not known
            retry=retry,
            counters=self.reads,
        )
        self._write_lanes: list[_Lane[Mutation]] = [
            _Lane(
                items.mutate,
                slots=1,
                count=self.settings.write_batch,
                weight=self.settings.write_bytes,
                retry=retry,
                counters=self.writes,
                guard=_guarded,
            )
            for _ in range(self.settings.write_lanes)
        ]

    async def get(self, space: Space, key: Key) -> Row | None:
        """Return the latest committed row of a key. Raises what `Items.get` raises."""
        future = self._future()
        read = PointRead(space, key)
        if self.settings.gather:
            self._read_lane.submit(read, future)
        else:
            await self._read_lane.serve([(read, future, 0)])
        return cast("Row | None", await future)

    async def get_many(self, reads: Sequence[PointRead]) -> list[Row | None]:
        """Return the rows of several keys in order, each on its own. Raises the first error of any."""
        group = _Group(self._future(), len(reads))
        entries: list[_Entry[PointRead]] = [(read, _Part(group, place), 0) for place, read in enumerate(reads)]
        if self.settings.gather:
            for read, part, _ in entries:
                self._read_lane.submit(read, part)
        elif entries:
            await self._read_lane.serve(entries)
        return cast("list[Row | None]", await group.future)

    async def mutate(self, mutation: Mutation, *, weight: int = 0) -> Decision:
        """Apply one mutation and return the decision once it has committed; `weight` is about the item's bytes.

        Raises what `Items.mutate` raises, and what `decide` raises.
        """
        future = self._future()
        lane = self._lane(mutation)
        if self.settings.gather:
            lane.submit(mutation, future, weight)
        else:
            await lane.serve([(mutation, future, weight)])
        return cast("Decision", await future)

    async def mutate_many(self, mutations: Sequence[Mutation]) -> list[Decision | StorageError]:
        """Apply several mutations, each on its own, and return for each the decision or the error.

        An exception of a `decide` that is no StorageError is raised once all have been tried.
        """
        group = _Group(self._future(), len(mutations), collect=True)
        parts = [(mutation, _Part(group, place)) for place, mutation in enumerate(mutations)]
        if self.settings.gather:
            for mutation, part in parts:
                self._lane(mutation).submit(mutation, part)
        elif parts:
            await self._write_lanes[0].serve([(mutation, part, 0) for mutation, part in parts])
        return cast("list[Decision | StorageError]", await group.future)

    async def close(self) -> None:
        """Refuse further calls and return when all queued ones have been answered."""
        self._closed = True
        lanes: list[_Lane[Any]] = [self._read_lane, *self._write_lanes]
        while tasks := [task for lane in lanes for task in lane.tasks]:
            await asyncio.wait(tasks)

    def _future(self) -> asyncio.Future[Any]:
        if self._closed:
            raise Unavailable("the coalescer is closed")
        return asyncio.get_running_loop().create_future()

    def _lane(self, mutation: Mutation) -> _Lane[Mutation]:
        return self._write_lanes[hash(mutation.key) % len(self._write_lanes)]


class _Group:
    """Several members that one caller waits for."""

    __slots__ = ("_collect", "_error", "_left", "_results", "future")

    def __init__(self, future: asyncio.Future[Any], count: int, *, collect: bool = False) -> None:
        self.future = future
        self._results: list[Any] = [None] * count
        self._left = count
        self._collect = collect
        self._error: BaseException | None = None
        if not count:
            future.set_result(self._results)

    def settle(self, place: int, result: object) -> None:
        """Note one member's result, and answer when it was the last."""
        self._results[place] = result
        self._left -= 1
        if self._left:
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._results)

    def fail(self, place: int, error: BaseException) -> None:
        """Note one member's error: among the results, or as the answer to the whole group."""
        if not self._collect:
            self.future.set_exception(error)
            return
        if not isinstance(error, StorageError):
            self._error = self._error or error
        self.settle(place, error)


class _Part:
    """One member of a group, with the face of a future."""

    __slots__ = ("_group", "_place")

    def __init__(self, group: _Group, place: int) -> None:
        self._group = group
        self._place = place

    def done(self) -> bool:
        """Whether nobody waits for the group any more."""
        return self._group.future.done()

    def set_result(self, result: object) -> None:
        """Give the result to the group."""
        self._group.settle(self._place, result)

    def set_exception(self, error: BaseException) -> None:
        """Give the error to the group."""
        self._group.fail(self._place, error)


class _Raised(NamedTuple):
    """Answer of a Reject that stands for an exception."""

    error: Exception


def _guarded(mutation: Mutation) -> Mutation:
    """Return a mutation whose `decide` rejects instead of raising; not blind, for a blind one may not reject."""
    decide = mutation.decide

    def guarded(old: Row | None) -> Decision:
        try:
            return decide(old)
        except Exception as error:
            return Reject(_Raised(error))

    return replace(mutation, decide=guarded, blind=False)


def _deliver(batch: list[_Entry[_Payload]], results: list[Any], guarded: bool) -> None:
    if len(results) != len(batch):
        _fail(batch, ContractViolation(f"the store gave {len(results)} results for {len(batch)} calls"))
        return
    for (_, waiter, _), result in zip(batch, results, strict=True):
        if waiter.done():
            continue
        if guarded and isinstance(result, Reject) and isinstance(result.answer, _Raised):
            waiter.set_exception(_settable(result.answer.error))
        else:
            waiter.set_result(result)


def _fail(batch: list[_Entry[_Payload]], error: Exception) -> None:
    """Give every member that still waits the error, each its own copy when they share it: tracebacks grow in place."""
    for _, waiter, _ in batch:
        if waiter.done():
            continue
        own = error
        if len(batch) > 1 and isinstance(error, StorageError):
            own = type(error)(*error.args)
            own.__cause__ = error
        waiter.set_exception(_settable(own))


def _settable(error: Exception) -> Exception:
    """Return the error in a form that a future takes, which refuses StopIteration."""
    if isinstance(error, StopIteration):
        wrapped = RuntimeError("decide raised StopIteration")
        wrapped.__cause__ = error
        return wrapped
    return error
