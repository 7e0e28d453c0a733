"""What an operation costs the database, from the request down: round trips and statements, never times.

The tables are warm (their descriptions cached), as they are for every request but a process's first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from extenddb.engine import Caller, Engine, EngineSettings
from extenddb.storage.registry import load_backend

pytestmark = pytest.mark.postgres

CALLER = Caller()
ONE = {":one": {"N": "1"}}


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"id": {"S": str(number % 3)}, "sort": {"N": str(number)}, "group": {"S": "g"}, **more}


def key(number: int) -> dict[str, Any]:
    return {name: item(number)[name] for name in ("id", "sort")}


def table(name: str, indexes: int) -> dict[str, Any]:
    index = {
        "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}, {"AttributeName": "sort", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    request: dict[str, Any] = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "sort", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "sort", "AttributeType": "N"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if indexes:
        request["AttributeDefinitions"].append({"AttributeName": "group", "AttributeType": "S"})
        request["GlobalSecondaryIndexes"] = [{"IndexName": f"index{n}", **index} for n in range(indexes)]
    return request


def put(name: str, number: int, **more: Any) -> tuple[str, dict[str, Any]]:
    return "PutItem", {"TableName": name, "Item": item(number, **more)}


UPDATE = {"UpdateExpression": "ADD hits :one", "ExpressionAttributeValues": ONE}
PARTITION = {"KeyConditionExpression": "id = :one", "ExpressionAttributeValues": {":one": {"S": "1"}}}
BUDGETS: dict[str, tuple[tuple[str, dict[str, Any]], int, int]] = {
    # what: ((operation, request), round trips at most, statements at most)
    "GetItem": (("GetItem", {"TableName": "plain", "Key": key(1)}), 1, 1),
    "PutItem": (put("plain", 1, v={"S": "a"}), 1, 1),
    "PutItem with condition": (
        (
            "PutItem",
            {"TableName": "plain", "Item": item(1, v={"S": "b"}), "ConditionExpression": "attribute_exists(id)"},
        ),
        2,
        2,
    ),
    "UpdateItem": (("UpdateItem", {"TableName": "plain", "Key": key(1), **UPDATE}), 2, 2),
    "DeleteItem": (("DeleteItem", {"TableName": "plain", "Key": key(29)}), 1, 1),
    "Query": (("Query", {"TableName": "plain", **PARTITION}), 1, 1),
    "Query, reverse and limited": (
        ("Query", {"TableName": "plain", "ScanIndexForward": False, "Limit": 3, **PARTITION}),
        1,
        1,
    ),
    "Query of an index": (
        (
            "Query",
            {
                "TableName": "indexed",
                "IndexName": "index0",
                "KeyConditionExpression": "#g = :g",
                "ExpressionAttributeNames": {"#g": "group"},
                "ExpressionAttributeValues": {":g": {"S": "g"}},
            },
        ),
        1,
        1,
    ),
    "Scan": (("Scan", {"TableName": "plain"}), 1, 1),
    "PutItem with three indexes, keys unchanged": (put("indexed", 1, v={"S": "a"}), 2, 2),
    "PutItem with three indexes, all new": (put("indexed", 500), 2, 5),
    "BatchGetItem": (("BatchGetItem", {"RequestItems": {"plain": {"Keys": [key(n) for n in range(30)]}}}), 1, 1),
    "BatchWriteItem": (
        ("BatchWriteItem", {"RequestItems": {"plain": [{"PutRequest": {"Item": item(n)}} for n in range(25)]}}),
        2,  # one for each lane of keys, at the same time
        4,  # on a connection that has not prepared it yet, one more for that
    ),
    "TransactGetItems": (
        ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "plain", "Key": key(n)}} for n in range(10)]}),
        1,
        1,
    ),
    "TransactWriteItems": (
        (
            "TransactWriteItems",
            {"TransactItems": [{"Update": {"TableName": "plain", "Key": key(n), **UPDATE}} for n in range(10)]},
        ),
        2,
        2,
    ),
    "ExecuteStatement by key": (
        ("ExecuteStatement", {"Statement": "SELECT * FROM plain WHERE id = '1' AND sort = 1"}),
        1,
        1,
    ),
}


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[asyncio.Runner, Engine]]:
    """An engine on PostgreSQL with a plain table, and one with three indexes, thirty items each."""
    plugin = load_backend("postgres")
    with asyncio.Runner() as runner:
        provision = plugin.provision({"memory": "true"})
        backend = runner.run(plugin.open(runner.run(provision.__aenter__())))
        engine = Engine(backend, EngineSettings())

        async def fill() -> None:
            for name, indexes in (("plain", 0), ("indexed", 3)):
                await engine.execute("CreateTable", CALLER, table(name, indexes))
                for number in range(30):
                    operation, request = put(name, number)
                    await engine.execute(operation, CALLER, request)

        runner.run(fill())
        yield runner, engine
        runner.run(engine.close())
        runner.run(backend.close())
        runner.run(provision.__aexit__(None, None, None))


@pytest.mark.parametrize("what", BUDGETS)
def test_cost(what: str, opened: tuple[asyncio.Runner, Engine]) -> None:
    runner, engine = opened
    (operation, request), rounds, statements = BUDGETS[what]
    counter = engine.context.backend.pool.counter  # type: ignore[attr-defined]

    async def measured() -> tuple[int, int]:
        before = counter.rounds, counter.statements
        await engine.execute(operation, CALLER, request)
        return counter.rounds - before[0], counter.statements - before[1]

    spent = runner.run(measured())
    assert spent <= (rounds, statements), f"{what}: {spent}"
    assert min(spent) >= 1


def test_gathered_requests_share_statements(opened: tuple[asyncio.Runner, Engine]) -> None:
    runner, engine = opened
    counter = engine.context.backend.pool.counter  # type: ignore[attr-defined]

    async def measured(operation: str, requests: list[dict[str, Any]]) -> int:
        before = counter.statements
        await asyncio.gather(*(engine.execute(operation, CALLER, request) for request in requests))
        return int(counter.statements - before)

    reads = [{"TableName": "plain", "Key": key(n % 30)} for n in range(64)]
    assert runner.run(measured("GetItem", reads)) <= 2
    updates = [{"TableName": "plain", "Key": key(1), **UPDATE} for _ in range(64)]
    assert runner.run(measured("UpdateItem", updates)) <= 4
