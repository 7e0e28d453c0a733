"""Following a stream: every shard by a reader of its own, parents before children, pages applied in order.

Within a page only the last change of each key counts: it is what the earlier ones lead to. A page's place is noted
when all of it is applied, so that after a kill some pages are applied once more; the states they pass through have
all been there before, and the last one is the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import orjson

from extenddb.server.data import lineage
from extenddb.server.data.client import Client, gather_quietly
from extenddb.server.data.errors import DataError, ServiceFailure
from extenddb.server.data.lineage import Shard, State, States
from extenddb.server.data.writing import Write, delete, put

Apply = Callable[[Sequence[Write]], Awaitable[None]]
"""Stores writes that name each key once."""
Result = TypeVar("Result")
PAUSE_SECONDS = 0.25
"""Between two looks at a shard that has nothing new: the service allows five a second."""
DISCOVERY_SECONDS = 5.0
"""How often new shards are looked for while nothing happens."""
PARALLEL_READS = 32
_STOP_SECONDS = 10.0
_MARGIN_SECONDS = 300.0
"""How far times of records may be off, when deciding that one is older than the copy."""


def writes(records: Iterable[dict[str, Any]]) -> list[Write]:
    """Return what applying changes in this order comes to: one write for each key. Raises DataError."""
    last: dict[bytes, Write] = {}
    for record in records:
        change = record["dynamodb"]
        key = orjson.dumps(change["Keys"], option=orjson.OPT_SORT_KEYS)
        if record["eventName"] == "REMOVE":
            last[key] = delete(change["Keys"])
        elif "NewImage" in change:
            last[key] = put(change["NewImage"])
        else:
            raise DataError("The stream's records hold no new images: its view type must be NEW_AND_OLD_IMAGES.")
    return list(last.values())


class _Reader:
    """One shard."""

    def __init__(self, follower: Follower, shard: str, state: State) -> None:
        self._follower = follower
        self._shard = shard
        self.state = state
        self.pending = 0
        """Records read and not applied."""
        self.quiet_since: float | None = None
        """When the first of the latest looks began that all found nothing; None after one that found something."""
        self.looked = 0.0
        """When the latest look that found nothing began."""

    async def run(self) -> None:
        """Read the shard to its end, or until the follower stops."""
        follower = self._follower
        iterator: str | None = None
        while not follower.stopping.is_set():
            begun = follower.client.times.steady()
            try:
                iterator = iterator or await self._iterator()
                async with follower.reads:
                    page = await follower.stream("GetRecords", {"ShardIterator": iterator})
            except ServiceFailure as error:
                if error.code not in {"ExpiredIteratorException", "TrimmedDataAccessException"}:
                    raise
                iterator = None
                self._require_kept()
                continue
            if page["Records"]:
                await self._take(page["Records"])
            else:
                self._note_quiet(begun)
            iterator = page.get("NextShardIterator")
            self.state["done"] = not iterator
            follower.note()
            if not iterator:
                return
            if not page["Records"]:
                await follower.rest(PAUSE_SECONDS)

    async def _iterator(self) -> str:
        request = {"StreamArn": self._follower.arn, "ShardId": self._shard}
        after = self.state["after"]
        if after is not None:
            with suppress(_Trimmed):
                return await self._ask(
                    {**request, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
                )
        self._require_kept()
        return await self._ask({**request, "ShardIteratorType": "TRIM_HORIZON"})

    async def _ask(self, request: dict[str, Any]) -> str:
        try:
            answer = await self._follower.stream("GetShardIterator", request)
        except ServiceFailure as error:
            if error.code == "TrimmedDataAccessException":
                raise _Trimmed from None
            if error.code == "ResourceNotFoundException":
                raise lineage.missed() from None
            raise
        return str(answer["ShardIterator"])

    def _require_kept(self) -> None:
        if not lineage.is_kept(self.state["seen"], self._follower.client.now()):
            raise lineage.missed()

    async def _take(self, records: list[dict[str, Any]]) -> None:
        self.quiet_since = None
        self.pending = len(records)
        await self._follower.take(records)
        self.pending = 0
        last = records[-1]["dynamodb"]
        self.state["after"] = last["SequenceNumber"]
        self.state["seen"] = max(self.state["seen"], float(last["ApproximateCreationDateTime"]))

    def _note_quiet(self, begun: float) -> None:
        if self.quiet_since is None:
            self.quiet_since = begun
        self.looked = begun
        if begun - self.quiet_since >= self._follower.settle:
            times = self._follower.client.times
            self.state["seen"] = self._follower.client.now() - (times.steady() - begun)

    def lag(self, now: float) -> float:
        """Return how many seconds the shard is behind; `now` is on the source's clock."""
        return 0.0 if self.quiet_since is not None else max(now - self.state["seen"], 0.0)


class _Trimmed(Exception):
    """The place in the shard is no longer kept."""


class Follower:
    """Applies the changes of a stream from where the states say until it is stopped."""

    def __init__(
        self,
        client: Client,
        arn: str,
        states: States,
        apply: Apply,
        *,
        began: float,
        settle: float,
        noted: Callable[[int], None],
    ) -> None:
        """`began` is when the copy began, on the source's clock: what is surely older is not applied.

        `settle` is for how many seconds all shards must be quiet to be caught up. `noted` is called, with the number
        of records applied since, whenever the states changed.
        """
        self.client = client
        self.arn = arn
        self.settle = settle
        self.stopping = asyncio.Event()
        self.reads = asyncio.Semaphore(PARALLEL_READS)
        self._states = states
        self._apply = apply
        self._began = began
        self._noted = noted
        self._applied = 0
        self._readers: dict[str, _Reader] = {}
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Stop as soon as the pages under way are applied."""
        self.stopping.set()
        self._changed.set()

    def lag(self) -> tuple[float, int]:
        """Return how many seconds the target is behind, and how many records are read but not applied.

        How many records wait in the stream unread, no endpoint tells.
        """
        now = self.client.now()
        readers = self._readers.values()
        seconds = max((reader.lag(now) for reader in readers), default=0.0)
        return seconds, sum(reader.pending for reader in readers)

    async def run(self, *, until_caught_up: bool) -> bool:
        """Follow until stopped, or until caught up. Return whether the stream has ended. Raises DataError."""
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while not self.stopping.is_set():
                begun = self.client.times.steady()
                described = await unless(self.stopping, describe(self.client, self.arn))
                if described is None:
                    break
                shards, enabled = described
                lineage.discover(self._states, shards, self.client.now())
                self._start(lineage.ready(self._states, shards), tasks)
                if not tasks and not enabled:
                    return True
                if await self._wait(tasks, begun, until_caught_up=until_caught_up):
                    break
            self.stop()
            if tasks:
                await asyncio.wait(tasks.values(), timeout=_STOP_SECONDS)
            _reap(tasks)
        finally:
            await gather_quietly(*tasks.values())
        return False

    def _start(self, names: list[str], tasks: dict[str, asyncio.Task[None]]) -> None:
        for name in names:
            if name not in tasks:
                reader = self._readers[name] = _Reader(self, name, self._states[name])
                tasks[name] = asyncio.create_task(reader.run())
                tasks[name].add_done_callback(lambda _task: self._changed.set())

    async def _wait(self, tasks: dict[str, asyncio.Task[None]], described: float, *, until_caught_up: bool) -> bool:
        """Wait until shards are to be looked for again; tell whether all of them were caught up."""
        deadline = described + DISCOVERY_SECONDS
        while not self.stopping.is_set():
            self._changed.clear()
            ended = _reap(tasks)
            for name in ended:
                del self._readers[name]
            if ended:
                return False
            if until_caught_up and self._is_caught_up(described):
                return True
            left = deadline - self.client.times.steady()
            if left <= 0:
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return False

    def _is_caught_up(self, described: float) -> bool:
        """Tell whether every shard that was there at a time was found empty later, and for long enough."""
        if not self._readers or any(
            not state["done"] and name not in self._readers for name, state in self._states.items()
        ):
            return False
        return all(
            reader.quiet_since is not None
            and reader.looked >= described
            and reader.looked - reader.quiet_since >= self.settle
            for reader in self._readers.values()
        )

    async def stream(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the stream."""
        return await self.client.call(operation, request, streams=True)

    async def take(self, records: list[dict[str, Any]]) -> None:
        """Apply a page of one shard."""
        since = self._began - _MARGIN_SECONDS
        fresh = [each for each in records if each["dynamodb"]["ApproximateCreationDateTime"] >= since]
        if fresh:
            await self._apply(writes(fresh))
        self._applied += len(fresh)

    def note(self) -> None:
        """Say that a reader's state changed."""
        applied, self._applied = self._applied, 0
        self._noted(applied)
        self._changed.set()

    async def rest(self, seconds: float) -> None:
        """Wait, unless following stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Return what work comes to; None if it was stopped before."""
    task, halt = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, halt), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        await gather_quietly(task, halt)


def _reap(tasks: dict[str, asyncio.Task[None]]) -> list[str]:
    """Take out the tasks that ended and return their names; raises what they raised."""
    ended = [name for name, task in tasks.items() if task.done()]
    for name in ended:
        tasks.pop(name).result()
    return ended


async def describe(client: Client, arn: str) -> tuple[list[Shard], bool]:
    """Return all shards of a stream, and whether it still gets records. Raises DataError."""
    request: dict[str, Any] = {"StreamArn": arn}
    shards: list[Shard] = []
    while True:
        try:
            answer = await client.call("DescribeStream", request, streams=True)
        except ServiceFailure as error:
            if error.code == "ResourceNotFoundException":
                raise DataError(f"The stream {arn} is gone: copy the table anew.") from None
            raise
        description = answer["StreamDescription"]
        shards += description.get("Shards") or []
        following = description.get("LastEvaluatedShardId")
        if not following:
            return shards, description["StreamStatus"] in {"ENABLED", "ENABLING"}
        request["ExclusiveStartShardId"] = following
