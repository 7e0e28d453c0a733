"""Two engines over one store whose requests meet each other, and the count of what they answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from random import Random
from typing import Any, TypeVar

import orjson
from races_requests import Facts, Request, creation

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.memory.state import State
from extenddb.storage.registry import load_backend
from extenddb.storage.spi import Backend

T = TypeVar("T")
Outcomes = Counter[tuple[str, str]]
"""How often an operation gave an answer (an empty text), or an error by its short name."""

_CALLER = Caller()
_SPREAD = 0.01  # seconds within which the requests of a round begin
_PORTS = ("catalog", "documents", "items", "leases", "streams")


class Arena:
    """Two engines over one store."""

    def __init__(self, runner: asyncio.Runner, engines: Sequence[Engine]) -> None:
        self._runner = runner
        self._engines = engines

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of something to await."""
        return self._runner.run(work)

    async def ask(self, operation: str, request: Request, *, engine: int = 0) -> dict[str, Any]:
        """Return an answer as a client sees it. Raises ServiceError."""
        answer = await self._engines[engine].execute(operation, _CALLER, orjson.loads(orjson.dumps(request)))
        seen: dict[str, Any] = orjson.loads(orjson.dumps(answer))
        return seen

    async def tried(self, operation: str, request: Request, *, engine: int = 0) -> str:
        """Return the short name of the error that a request is answered with, empty for an answer."""
        try:
            await self.ask(operation, request, engine=engine)
        except ServiceError as error:
            return error.kind.name
        return ""

    async def prepare(self, name: str) -> Facts:
        """Make a table with an item, a backup and a stream, and return what is known of it."""
        facts = Facts(name)
        table = await self.ask("CreateTable", creation(facts))
        facts.stream = table["TableDescription"]["LatestStreamArn"]
        await self.ask("PutItem", {"TableName": name, "Item": {"p": {"S": "one"}, "g": {"S": "x"}}})
        shards = (await self.ask("DescribeStream", {"StreamArn": facts.stream}))["StreamDescription"]["Shards"]
        facts.shard = shards[0]["ShardId"]
        place = {"StreamArn": facts.stream, "ShardId": facts.shard, "ShardIteratorType": "TRIM_HORIZON"}
        facts.iterator = (await self.ask("GetShardIterator", place))["ShardIterator"]
        made = await self.ask("CreateBackup", {"TableName": name, "BackupName": "backup"})
        facts.backup = made["BackupDetails"]["BackupArn"]
        return facts

    async def race(
        self, facts: Facts, requests: Mapping[str, Callable[[Facts], Request]], times: int, seed: int
    ) -> Outcomes:
        """Send every request to both engines so many times, all at about the same moment; return what came back."""
        random = Random(seed)
        outcomes: Outcomes = Counter()

        async def one(operation: str, engine: int, delay: float) -> None:
            await asyncio.sleep(delay)
            outcomes[operation, await self.tried(operation, requests[operation](facts), engine=engine)] += 1

        asked = [(operation, engine) for operation in requests for engine in (0, 1) for _ in range(times)]
        random.shuffle(asked)
        async with asyncio.TaskGroup() as group:
            for operation, engine in asked:
                group.create_task(one(operation, engine, random.uniform(0, _SPREAD)))
        return outcomes


class _Yielding:
    """A port of a store that lets others go on before and behind every call, as a store over a network does."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        call = getattr(self._port, name)

        async def yielding(*given: Any, **named: Any) -> Any:
            await asyncio.sleep(0)
            try:
                return await call(*given, **named)
            finally:
                await asyncio.sleep(0)

        return yielding


def _yielding(backend: Backend) -> Backend:
    """Return a memory backend whose calls take a moment."""
    for port in _PORTS:
        setattr(backend, port, _Yielding(getattr(backend, port)))
    return backend


@contextmanager
def opened(store: str) -> Iterator[Arena]:
    """Open two engines over one store, each with its background work."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield Arena(runner, runner.run(_engines(stack, store)))
        finally:
            runner.run(stack.aclose())


async def _engines(stack: AsyncExitStack, store: str) -> list[Engine]:
    engines = []
    for backend in await _backends(stack, store):
        stack.push_async_callback(backend.close)
        engine = Engine(backend, EngineSettings(settle_seconds=0.2))
        stack.push_async_callback(engine.close)
        jobs = asyncio.create_task(engine.run_jobs())
        stack.push_async_callback(_cancelled, jobs)
        engines.append(engine)
    return engines


async def _backends(stack: AsyncExitStack, store: str) -> list[Backend]:
    if store == "memory":
        state = State()
        return [_yielding(MemoryBackend(state=state)) for _ in range(2)]
    plugin = load_backend(store)
    settings = await stack.enter_async_context(plugin.provision({"memory": "true"}))
    return [await plugin.open(settings) for _ in range(2)]


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
