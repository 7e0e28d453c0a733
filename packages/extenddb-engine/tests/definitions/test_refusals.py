"""What a refusal costs: reads of the catalog are few, shared, and none where no remembered table was met."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from definition_kit import (
    CALLER,
    EVERY_BY_KEY,
    TAB,
    Request,
    put,
    table,
)

from extenddb.core.errors import ServiceError
from extenddb.engine import Engine
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.model import TableRecord


class Watched:
    """A catalog whose reads are counted, and that can be held up."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._find = backend.catalog.find
        self.names: Counter[str] = Counter()
        self.under_way = self.most = 0
        self.answers = asyncio.Event()
        self.answers.set()
        backend.catalog.find = self.find  # type: ignore[method-assign]

    async def find(self, namespace: str, name: str) -> TableRecord | None:
        self.names[name] += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        record = await self._find(namespace, name)
        await self.answers.wait()
        self.under_way -= 1
        return record


BAD: Request = {"TableName": TAB, "Key": {"q": {"S": "a"}}}


def _watched(scenario: Callable[[Engine, Watched], Awaitable[None]]) -> None:
    async def run() -> None:
        backend = MemoryBackend()
        engine = Engine(backend)
        await engine.execute("CreateTable", CALLER, table())
        await engine.execute("PutItem", CALLER, put(TAB, {"S": "a"}))
        await scenario(engine, Watched(backend))
        await engine.close()

    asyncio.run(run())


async def _refusals(engine: Engine, operation: str, request: Request, times: int) -> set[str]:
    answers = await asyncio.gather(
        *(engine.execute(operation, CALLER, request) for _ in range(times)), return_exceptions=True
    )
    return {each.kind.name for each in answers if isinstance(each, ServiceError)}


def test_a_storm_of_refusals_shares_its_reads_of_the_catalog() -> None:
    async def scenario(engine: Engine, watched: Watched) -> None:
        assert await _refusals(engine, "GetItem", BAD, 1000) == {"ValidationException"}
        assert watched.names == {TAB: 1}
        watched.answers.clear()
        storms = [asyncio.create_task(_refusals(engine, "GetItem", BAD, 100)) for _ in range(2)]
        await asyncio.sleep(0.01)
        storms.append(asyncio.create_task(_refusals(engine, "GetItem", BAD, 100)))
        await asyncio.sleep(0.01)
        assert watched.names == {TAB: 2}, "one under way, and those who came later wait for the next"
        watched.answers.set()
        await asyncio.gather(*storms)
        assert watched.names == {TAB: 3}
        assert watched.most == 1

    _watched(scenario)


@pytest.mark.parametrize(
    ("operation", "request_", "name"),
    [
        ("GetItem", {"TableName": TAB, "Key": {"p": {"S": ""}}, "ProjectionExpression": ")"}, "ValidationException"),
        (
            "PutItem",
            {**put(TAB, {"S": "a"}), "ConditionExpression": "attribute_not_exists(p)"},
            "ConditionalCheckFailedException",
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {**put(TAB, {"S": "a"}), "ConditionExpression": "attribute_not_exists(p)"}},
                ]
            },
            "TransactionCanceledException",
        ),
        ("ExecuteStatement", {"Statement": f"INSERT INTO {TAB} VALUE {{'p': 'a'}}"}, "DuplicateItemException"),
        (
            "UpdateItem",
            {"TableName": TAB, "Key": {"p": {"S": "a"}}, "UpdateExpression": "SET a = b"},
            "ValidationException",
        ),
    ],
)
def test_what_rests_on_no_remembered_table_is_refused_without_a_read(
    operation: str, request_: Request, name: str
) -> None:
    async def scenario(engine: Engine, watched: Watched) -> None:
        assert await _refusals(engine, operation, request_, 1) == {name}
        assert not watched.names

    _watched(scenario)


@pytest.mark.parametrize("case", range(len(EVERY_BY_KEY)), ids=[operation for operation, _ in EVERY_BY_KEY])
def test_what_succeeds_reads_nothing(case: int) -> None:
    operation, request = EVERY_BY_KEY[case]

    async def scenario(engine: Engine, watched: Watched) -> None:
        await engine.execute(operation, CALLER, request(TAB, {"S": "a"}))
        assert not watched.names

    _watched(scenario)


def test_a_refusal_is_not_told_while_the_catalog_cannot_be_read() -> None:
    async def scenario(engine: Engine, watched: Watched) -> None:
        watched.answers.clear()
        waiting = asyncio.create_task(_refusals(engine, "GetItem", BAD, 3))
        given_up = asyncio.create_task(_refusals(engine, "GetItem", BAD, 3))
        await asyncio.sleep(0.01)
        given_up.cancel()
        await asyncio.sleep(0.01)
        assert not waiting.done()
        watched.answers.set()
        assert await waiting == {"ValidationException"}

    _watched(scenario)


def test_an_old_read_that_ends_late_does_not_come_back() -> None:
    async def scenario(engine: Engine, watched: Watched) -> None:
        tables = engine.context.tables
        watched.answers.clear()
        late = asyncio.create_task(tables.load(CALLER.account, TAB))
        await asyncio.sleep(0.01)
        held, watched.answers = watched.answers, asyncio.Event()
        watched.answers.set()
        await engine.execute("DeleteTable", CALLER, {"TableName": TAB})
        await engine.execute("CreateTable", CALLER, table("N"))
        current = await tables.load(CALLER.account, TAB)
        held.set()
        await late
        assert await tables.require(CALLER.account, TAB) == current

    _watched(scenario)
