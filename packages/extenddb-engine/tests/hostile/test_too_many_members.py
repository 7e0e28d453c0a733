"""Lists and maps that are longer than they may be are refused for that, and their members are not walked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from extenddb.core.validation.rules import shape
from extenddb.core.validation.violations import find

if TYPE_CHECKING:
    from conftest import Bench

MOST_ANSWERED = 70 * 1024
FEW, MANY = 3_000, 300_000
RequestMaker = Callable[[int], dict[str, Any]]

TOO_MANY: dict[str, tuple[str, RequestMaker]] = {
    "actions of a transaction": ("TransactWriteItems", lambda n: {"TransactItems": [{} for _ in range(n)]}),
    "null actions": ("TransactWriteItems", lambda n: {"TransactItems": [None] * n}),
    "reads of a transaction": ("TransactGetItems", lambda n: {"TransactItems": [{} for _ in range(n)]}),
    "writes of a batch": ("BatchWriteItem", lambda n: {"RequestItems": {"tab": [{} for _ in range(n)]}}),
    "tables of a batch": ("BatchWriteItem", lambda n: {"RequestItems": {f"{i}": [{}] for i in range(n)}}),
    "keys of a batch": ("BatchGetItem", lambda n: {"RequestItems": {"tab": {"Keys": [{} for _ in range(n)]}}}),
    "tables of a batch of reads": ("BatchGetItem", lambda n: {"RequestItems": {f"{i}": {} for i in range(n)}}),
    "statements of a batch": ("BatchExecuteStatement", lambda n: {"Statements": [{} for _ in range(n)]}),
    "statements of a transaction": ("ExecuteTransaction", lambda n: {"TransactStatements": [{} for _ in range(n)]}),
    "attributes of a projection": (
        "UpdateTable",
        lambda n: {
            "TableName": "tab",
            "GlobalSecondaryIndexUpdates": [
                {
                    "Create": {
                        "IndexName": "abc",
                        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
                        "Projection": {"NonKeyAttributes": [f"{i}" for i in range(n)]},
                    }
                }
            ],
        },
    ),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_work_does_not_grow_with_what_is_too_much(bench: Bench, name: str) -> None:
    operation, make = TOO_MANY[name]
    message, size = bench.answer(operation, make(MANY))
    assert "failed to satisfy constraint" in message
    assert size <= MOST_ANSWERED
    assert bench.calls(operation, make(MANY)) <= bench.calls(operation, make(FEW)) + 100


def test_ten_violations_end_the_search(bench: Bench) -> None:
    wrong = [{"AttributeName": f"{number}", "AttributeType": "Q"} for number in range(100)]
    request = {
        "TableName": "table",
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        "AttributeDefinitions": wrong,
    }
    message, size = bench.answer("CreateTable", request)
    assert message.startswith("10 validation errors detected")
    assert size <= MOST_ANSWERED


def test_one_violation_bounds_the_search_for_more() -> None:
    def found(tags: int) -> int:
        """Return how many violations are found if the first and the last of so many tags break one."""
        right = [{"Key": "k", "Value": "v"} for _ in range(tags)]
        return len(find(shape("TagResourceInput"), {"ResourceArn": "a" * 2000, "Tags": [*right, None]}))

    assert found(3_000) == 2
    assert found(30_000) == 1
