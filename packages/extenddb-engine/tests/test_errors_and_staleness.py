"""What a client is told when the store fails, and that no process answers from a table that another one changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings
from extenddb.storage.errors import (
    Ambiguous,
    SchemaMismatch,
    SerializationFailure,
    StorageError,
    Unavailable,
)
from extenddb.storage.memory import MemoryBackend
from extenddb.storage.memory.state import State
from extenddb.storage.model import PointRead, Row

TABLE: dict[str, Any] = {
    "TableName": "tab",
    "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
GET = {"TableName": "tab", "Key": {"p": {"S": "a"}}}
ATTEMPTS = 4


async def call(engine: Engine, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer as a client sees it."""
    answer = await engine.execute(operation, Caller(), orjson.loads(orjson.dumps(request)))
    parsed: dict[str, Any] = orjson.loads(orjson.dumps(answer))
    return parsed


def failing(backend: MemoryBackend, error: StorageError, times: int) -> list[int]:
    """Make the next reads of a backend fail; returns a list that grows with every read."""
    reads: list[int] = []
    get: Callable[[Sequence[PointRead]], Awaitable[list[Row | None]]] = backend.items.get

    async def fail_at_first(wanted: Sequence[PointRead]) -> list[Row | None]:
        reads.append(len(wanted))
        if len(reads) <= times:
            raise error
        return await get(wanted)

    backend.items.get = fail_at_first  # type: ignore[method-assign, assignment]
    return reads


@pytest.mark.parametrize("gather", [True, False])
@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (Unavailable("gone"), "ServiceUnavailableException", 503),
        (SerializationFailure("lost"), "ServiceUnavailableException", 503),
        (Ambiguous("who knows"), "InternalServerError", 500),
        (StorageError("something"), "InternalServerError", 500),
    ],
)
def test_errors_of_the_store_have_an_answer(error: StorageError, name: str, status: int, gather: bool) -> None:
    async def run() -> ServiceError:
        backend = MemoryBackend()
        failing(backend, error, 100)
        engine = Engine(backend, EngineSettings(gather=gather))
        await call(engine, "CreateTable", TABLE)
        with pytest.raises(ServiceError) as caught:
            await call(engine, "GetItem", GET)
        await engine.close()
        return caught.value

    answered = asyncio.run(run())
    assert (answered.kind.name, answered.kind.status) == (name, status)
    assert "gone" not in answered.message, "what the store says is not for clients"


@pytest.mark.parametrize(("times", "answers"), [(1, True), (ATTEMPTS - 1, True), (ATTEMPTS, False)])
def test_a_table_that_changes_is_read_again_a_few_times(times: int, answers: bool) -> None:
    async def run() -> int:
        backend = MemoryBackend()
        reads = failing(backend, SchemaMismatch("epoch"), times)
        engine = Engine(backend)
        await call(engine, "CreateTable", TABLE)
        if answers:
            assert await call(engine, "GetItem", GET) == {}
        else:
            with pytest.raises(ServiceError, match="ServiceUnavailableException"):
                await call(engine, "GetItem", GET)
        await engine.close()
        return len(reads)

    assert asyncio.run(run()) == min(times + 1, ATTEMPTS)


def test_no_engine_answers_from_a_table_that_another_replaced() -> None:
    async def run() -> None:
        state = State()
        one, other = Engine(MemoryBackend(state=state)), Engine(MemoryBackend(state=state))
        await call(one, "CreateTable", TABLE)
        await call(one, "PutItem", {"TableName": "tab", "Item": {"p": {"S": "a"}}})
        await call(other, "DeleteTable", {"TableName": "tab"})
        with pytest.raises(ServiceError, match="ResourceNotFoundException"):
            await call(one, "GetItem", GET)
        definitions = [{"AttributeName": "p", "AttributeType": "N"}]
        await call(other, "CreateTable", {**TABLE, "AttributeDefinitions": definitions})
        with pytest.raises(ServiceError, match="does not match the schema"):
            await call(one, "GetItem", GET)
        await call(one, "PutItem", {"TableName": "tab", "Item": {"p": {"N": "1"}}})
        assert (await call(other, "Scan", {"TableName": "tab"}))["Count"] == 1
        await one.close()
        await other.close()

    asyncio.run(run())


def test_a_write_by_an_engine_with_a_stale_table_reaches_the_new_index() -> None:
    async def run() -> None:
        state = State()
        one, other = Engine(MemoryBackend(state=state)), Engine(MemoryBackend(state=state))
        await call(one, "CreateTable", TABLE)
        await call(one, "PutItem", {"TableName": "tab", "Item": {"p": {"S": "a"}}})
        await call(other, "DeleteTable", {"TableName": "tab"})
        index = {
            "IndexName": "gix",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        definitions = [*TABLE["AttributeDefinitions"], {"AttributeName": "g", "AttributeType": "S"}]
        await call(
            other, "CreateTable", {**TABLE, "AttributeDefinitions": definitions, "GlobalSecondaryIndexes": [index]}
        )
        item = {"p": {"S": "a"}, "g": {"S": "x"}}
        await call(one, "PutItem", {"TableName": "tab", "Item": item})
        assert (await call(other, "Scan", {"TableName": "tab", "IndexName": "gix"}))["Items"] == [item]
        await one.close()
        await other.close()

    asyncio.run(run())


def test_accounts_have_tables_of_their_own() -> None:
    async def run() -> None:
        engine = Engine(MemoryBackend())
        mine, theirs = Caller(account="000000000001"), Caller(account="000000000002")
        await engine.execute("CreateTable", mine, dict(TABLE))
        with pytest.raises(ServiceError, match="ResourceNotFoundException"):
            await engine.execute("GetItem", theirs, dict(GET))
        assert (await engine.execute("ListTables", theirs, {}))["TableNames"] == []
        await engine.execute("CreateTable", theirs, dict(TABLE))
        await engine.execute("PutItem", mine, {"TableName": "tab", "Item": {"p": {"S": "a"}}})
        assert (await engine.execute("Scan", theirs, {"TableName": "tab"}))["Count"] == 0
        await engine.close()

    asyncio.run(run())


@pytest.mark.parametrize(("apart", "tables"), [(False, 1), (True, 0)])
def test_regions_share_tables_unless_told_otherwise(apart: bool, tables: int) -> None:
    async def run() -> int:
        engine = Engine(MemoryBackend(), EngineSettings(partition_by_region=apart))
        await engine.execute("CreateTable", Caller(region="eu-west-1"), dict(TABLE))
        found = await engine.execute("ListTables", Caller(region="us-east-1"), {})
        await engine.close()
        return len(found["TableNames"])

    assert asyncio.run(run()) == tables


def test_an_operation_that_is_none() -> None:
    with pytest.raises(ServiceError) as caught:
        asyncio.run(Engine(MemoryBackend()).execute("GetItems", Caller(), {}))
    assert caught.value.kind.name == "UnknownOperationException"
