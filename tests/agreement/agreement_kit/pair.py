"""One request to two engines, and the demand that both answer it alike."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar
from uuid import UUID

import orjson

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine
from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import CHORES, STEPS
from extenddb.storage.registry import load_backend

Request = Mapping[str, Any]
Answer = dict[str, Any]
_T = TypeVar("_T")

_BACKENDS: Sequence[tuple[str, Mapping[str, str]]] = (("memory", {}), ("postgres", {"memory": "true"}))
NOW = 1_700_000_000
"""When everything begins, in seconds since the epoch."""
_PAUSE_MS = 100_000
_TICKS = 100
_ESTIMATES = frozenset({"ItemCount", "TableSizeBytes", "IndexSizeBytes"})
"""Members that a store may count roughly and late, as the service does every six hours."""


class Pair:
    """Two engines with the same clock and the same identifiers, so that even descriptions are equal."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], engines: Sequence[Engine]) -> None:
        self._run = run
        self._engines = engines
        self._jobs = [Jobs(engine.context, STEPS, CHORES) for engine in engines]
        self._accounts = itertools.count(1)
        self._now = NOW * 1000
        for engine in engines:
            engine.context.ids = _identifiers(itertools.count(1))
            engine.context.clock = lambda: self._now

    def account(self) -> str:
        """Return an account that nobody has used."""
        return f"{next(self._accounts):012d}"

    def work(self) -> None:
        """Let time pass until every chore is due, and do all background work there is on both engines."""
        self._now += _PAUSE_MS
        for jobs in self._jobs:
            for _ in range(_TICKS):
                if not self._run(jobs.tick()):
                    break
            else:
                raise AssertionError("background work does not end")

    def second(self) -> int:
        """Return the time in whole seconds, none of which has passed between two changes on either side of it."""
        self._now += 2000 - self._now % 1000
        return self._now // 1000 - 1

    def streams(self, account: str, arn: str) -> list[list[tuple[str, str]]]:
        """Return what each engine's stream tells from its beginning: names of events and keys, by key in order."""
        return [self._run(_told(engine, Caller(account=account), arn)) for engine in self._engines]

    def ask(self, account: str, operation: str, request: Request) -> Answer:
        """Return the answer that both give; an error is an answer with `__type`. Raises AssertionError."""
        return self.ask_together(account, [(operation, request)])[0]

    def ask_together(self, account: str, requests: Sequence[tuple[str, Request]]) -> list[Answer]:
        """Return the answers to concurrent requests, which must not depend on each other."""
        self._now += 1
        asked = [(operation, orjson.dumps(request)) for operation, request in requests]
        oracle, found = (self._run(_answers(engine, Caller(account=account), asked)) for engine in self._engines)
        for (operation, request), right, answer in zip(requests, oracle, found, strict=True):
            assert right == answer, f"{operation} {request}\nmemory:   {right}\npostgres: {answer}"
        answers: list[Answer] = oracle
        return answers


def _identifiers(numbers: Iterator[int]) -> Callable[[], str]:
    return lambda: str(UUID(int=next(numbers)))


async def _answers(engine: Engine, caller: Caller, asked: Sequence[tuple[str, bytes]]) -> list[Answer]:
    return await asyncio.gather(
        *(_answer(engine, caller, operation, orjson.loads(request)) for operation, request in asked)
    )


async def _answer(engine: Engine, caller: Caller, operation: str, payload: Any) -> Answer:
    try:
        answer = await engine.execute(operation, caller, payload)
    except ServiceError as error:
        answer = _failure(error, f"{operation} {payload}")
    exact: Answer = _exact(orjson.loads(orjson.dumps(answer)))
    return exact


async def _told(engine: Engine, caller: Caller, arn: str) -> list[tuple[str, str]]:
    stream = (await engine.execute("DescribeStream", caller, {"StreamArn": arn}))["StreamDescription"]
    events = []
    for shard in stream["Shards"]:
        wanted = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = (await engine.execute("GetShardIterator", caller, wanted))["ShardIterator"]
        while iterator is not None:
            answer = await engine.execute("GetRecords", caller, {"ShardIterator": iterator})
            records = orjson.loads(orjson.dumps(answer["Records"]))
            events += [(each["eventName"], each["dynamodb"]["Keys"]["p"]["S"]) for each in records]
            iterator = answer.get("NextShardIterator") if records else None
    return events


def _failure(error: ServiceError, request: str) -> Answer:
    """Return an error as an answer; none of these requests may break the service."""
    assert error.kind.fault == "client", f"{request}: {error}"
    return error.body()


def _exact(value: Any) -> Any:
    """Return an answer without what may differ."""
    if isinstance(value, dict):
        return {name: _exact(content) for name, content in value.items() if name not in _ESTIMATES}
    if isinstance(value, list):
        return [_exact(element) for element in value]
    return value


@contextmanager
def opened() -> Iterator[Pair]:
    """Open both engines."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield Pair(runner.run, [runner.run(_engine(stack, *backend)) for backend in _BACKENDS])
        finally:
            runner.run(stack.aclose())


async def _engine(stack: AsyncExitStack, name: str, settings: Mapping[str, str]) -> Engine:
    plugin = load_backend(name)
    backend = await plugin.open(await stack.enter_async_context(plugin.provision(settings)))
    stack.push_async_callback(backend.close)
    engine = Engine(backend)
    stack.push_async_callback(engine.close)
    return engine
