"""An error repeats the beginning of a long value only, and never more than so many characters in all."""

from __future__ import annotations

from typing import Any

import pytest
from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

from extenddb.core.errors import EXCERPT_LENGTH, MESSAGE_LENGTH

LONG = 400_000
KEY = {"p": {"S": "a"}}


@pytest.fixture
def account(world: World) -> str:
    number = world.account()
    world.must(number, "CreateTable", create_request("abc", "p S", {}, {}))
    return number


ECHOES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    # what: (operation, request, how the text begins, how it ends)
    "a table's name": (
        "DescribeTable",
        {"TableName": "x" * LONG},
        "1 validation error detected: Value '",
        "' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 1024",
    ),
    "too many actions": (
        "TransactWriteItems",
        {"TransactItems": [{} for _ in range(LONG)]},
        "1 validation error detected: Value '[TransactWriteItem(conditionCheck=null",
        "' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100",
    ),
    "no number": (
        "PutItem",
        {"TableName": "abc", "Item": {**KEY, "v": {"N": "x" * LONG}}},
        "The parameter cannot be converted to a numeric value: xxx",
        "xxx",
    ),
    "duplicates": (
        "PutItem",
        {"TableName": "abc", "Item": {**KEY, "v": {"SS": ["x" * LONG, "x" * LONG]}}},
        "One or more parameter values were invalid: Input collection [xxx",
        "] contains duplicates.",
    ),
    "a key of values": (
        "Scan",
        {"TableName": "abc", "FilterExpression": "a = :v", "ExpressionAttributeValues": {"x" * LONG: {"S": "a"}}},
        "ExpressionAttributeValues contains invalid key: Key size has exceeded the maximum; key: ",
        'x"',
    ),
    "unused names": (
        "Scan",
        {
            "TableName": "abc",
            "FilterExpression": "a = b",
            "ExpressionAttributeNames": {f"#{number:0200}": "n" for number in range(1000)},
        },
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#000",
        "}",
    ),
}


@pytest.mark.parametrize("name", ECHOES)
def test_one_value_is_cut(world: World, account: str, name: str) -> None:
    operation, request, begin, end = ECHOES[name]
    reply = world.service.call(account, operation, request)
    assert reply.error == "ValidationException"
    assert reply.message.startswith(begin)
    assert reply.message.endswith(end)
    assert EXCERPT_LENGTH <= len(reply.message) <= EXCERPT_LENGTH + 300


def test_the_whole_text_is_cut(world: World, account: str) -> None:
    modes = ("ReturnValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ConditionalOperator")
    request = {"TableName": "abc", "Key": KEY, **{mode: mode * LONG for mode in modes}}
    reply = world.service.call(account, "UpdateItem", request)
    assert reply.message.startswith("4 validation errors detected: Value '")
    assert len(reply.message) == MESSAGE_LENGTH


def test_a_value_as_long_as_recorded_is_repeated_whole(world: World, account: str) -> None:
    value = "!" * 32_769
    reply = world.service.call(account, "DescribeTable", {"TableName": value})
    assert f"Value '{value}' at 'tableName'" in reply.message
