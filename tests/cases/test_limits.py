"""Limits whose errors print the whole request, budgets of bytes, and tokens that are forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from dynamodb_cases.model import create_request
from dynamodb_cases.service import Reply, World

from extenddb.engine import Caller, Engine
from extenddb.storage.memory import MemoryBackend

KB = 1024
TOO_LONG = "Member must have length less than or equal to {}"
ONE_TO_25 = (
    f"Map value must satisfy constraint: [{TOO_LONG.format(25)}, Member must have length greater than or equal to 1]"
)


def keys(count: int) -> list[dict[str, Any]]:
    """Return so many keys."""
    return [{"p": {"S": str(number)}} for number in range(count)]


LONG: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (
        "BatchGetItem",
        {"RequestItems": {"abc": {"Keys": keys(101)}}},
        "RequestItems.abc.member.Keys",
        TOO_LONG.format(100),
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {"abc": [{"DeleteRequest": {"Key": key}} for key in keys(26)]}},
        "requestItems",
        ONE_TO_25,
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {"abc": []}},
        "requestItems",
        ONE_TO_25,
    ),
    (
        "TransactWriteItems",
        {"TransactItems": [{"Delete": {"TableName": "abc", "Key": key}} for key in keys(101)]},
        "transactItems",
        TOO_LONG.format(100),
    ),
    (
        "TransactGetItems",
        {"TransactItems": [{"Get": {"TableName": "abc", "Key": key}} for key in keys(101)]},
        "transactItems",
        TOO_LONG.format(100),
    ),
    (
        "BatchExecuteStatement",
        {"Statements": [{"Statement": "SELECT * FROM abc WHERE p = '1'"}] * 26},
        "statements",
        TOO_LONG.format(25),
    ),
    (
        "ExecuteTransaction",
        {"TransactStatements": [{"Statement": "SELECT * FROM abc WHERE p = '1'"}] * 101},
        "transactStatements",
        TOO_LONG.format(100),
    ),
)


@pytest.mark.parametrize(("operation", "request_", "path", "constraint"), LONG)
def test_one_more_than_the_most(
    world: World, operation: str, request_: dict[str, Any], path: str, constraint: str
) -> None:
    reply = world.service.call(world.account(), operation, request_)
    assert reply.error == "ValidationException"
    assert reply.message.startswith("1 validation error detected: Value ")
    assert reply.message.endswith(f" at '{path}' failed to satisfy constraint: {constraint}")


@pytest.fixture
def filled(world: World) -> str:
    """An account with a table of eleven items of 380 KB."""
    account = world.account()
    world.must(account, "CreateTable", create_request("abc", "p S", {}, {}))
    for key in keys(11):
        world.must(account, "PutItem", {"TableName": "abc", "Item": {**key, "v": {"S": "x" * (380 * KB)}}})
    return account


def gets(count: int) -> dict[str, Any]:
    """Return a transaction that reads so many items."""
    return {
        "TransactItems": [{"Get": {"TableName": "abc", "Key": key, "ProjectionExpression": "p"}} for key in keys(count)]
    }


def test_a_transaction_reads_up_to_four_megabytes(world: World, filled: str) -> None:
    assert len(world.must(filled, "TransactGetItems", gets(10))["Responses"]) == 10
    assert world.service.call(filled, "TransactGetItems", gets(11)).error == "ValidationException"


def test_a_transaction_writes_up_to_four_megabytes(world: World, filled: str) -> None:
    def puts(count: int) -> Reply:
        actions = [{"Put": {"TableName": "abc", "Item": {**key, "v": {"S": "y" * (380 * KB)}}}} for key in keys(count)]
        return world.service.call(filled, "TransactWriteItems", {"TransactItems": actions})

    assert puts(11).error == "ValidationException"
    before = world.must(filled, "GetItem", {"TableName": "abc", "Key": {"p": {"S": "1"}}})["Item"]
    assert before["v"]["S"][0] == "x"
    assert puts(10).error is None
    after = world.must(filled, "GetItem", {"TableName": "abc", "Key": {"p": {"S": "1"}}})["Item"]
    assert after["v"]["S"][0] == "y"


def test_a_token_is_forgotten_after_ten_minutes() -> None:
    now = [1_700_000_000_000]
    update = {
        "TableName": "abc",
        "Key": {"p": {"S": "a"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    with asyncio.Runner() as runner:
        engine = Engine(MemoryBackend())
        engine.context = replace(engine.context, clock=lambda: now[0])

        def call(operation: str, request: dict[str, Any]) -> Any:
            return orjson.loads(orjson.dumps(runner.run(engine.execute(operation, Caller(), request))))

        call("CreateTable", create_request("abc", "p S", {}, {}))
        counts = []
        for passed in (0, 1, 599_000, 1_001):
            now[0] += passed
            call("TransactWriteItems", {"TransactItems": [{"Update": update}], "ClientRequestToken": "t"})
            counts.append(call("GetItem", {"TableName": "abc", "Key": {"p": {"S": "a"}}})["Item"]["n"]["N"])
        runner.run(engine.close())
    assert counts == ["1", "1", "1", "2"]
