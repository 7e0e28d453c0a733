"""Walks over pages: put together they are the whole answer, whatever the page size, direction and index."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

MEGABYTE = 1024 * 1024
INDEXES = {"gix": "g S, h N", "gkeys": "g S | KEYS_ONLY", "ghash": "h N | INCLUDE v"}
LOCAL = {"lix": "p S, l S"}
ITEMS = 60


def text(value: Any) -> str:
    """Return a text that is the same for equal items."""
    return json.dumps(value, sort_keys=True)


def pages(world: World, account: str, operation: str, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the pages of a read until there is no further one."""
    start: dict[str, Any] = {}
    for _ in range(1000):
        page = world.must(account, operation, {**request, **start})
        yield page
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    pytest.fail("the pages have no end")


def walk(world: World, account: str, operation: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the items of all pages."""
    return [item for page in pages(world, account, operation, request) for item in page["Items"]]


def query(index: str | None, name: str, value: dict[str, str]) -> dict[str, Any]:
    """Return a query of one partition."""
    request: dict[str, Any] = {
        "TableName": "walks",
        "KeyConditionExpression": f"{name} = :v",
        "ExpressionAttributeValues": {":v": value},
    }
    return request if index is None else {**request, "IndexName": index}


@pytest.fixture
def account(world: World) -> str:
    """An account whose table holds items with many equal index keys, and some without any."""
    number = world.account()
    world.must(number, "CreateTable", create_request("walks", "p S, s N", INDEXES, LOCAL))
    dice = random.Random(7)
    for each in range(ITEMS):
        item: dict[str, Any] = {
            "p": {"S": "abc"[each % 3]},
            "s": {"N": str(dice.randrange(-1000, 1000) * 3 + each % 3)},
        }
        if dice.random() < 0.8:
            item["g"] = {"S": dice.choice("xy")}
        if dice.random() < 0.8:
            item["h"] = {"N": dice.choice(("1", "2", "-1"))}
        if dice.random() < 0.8:
            item["l"] = {"S": dice.choice(("l", "m"))}
        item["v"] = {"S": str(each)}
        world.must(number, "PutItem", {"TableName": "walks", "Item": item})
    return number


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("index", "name", "value"),
    [
        (None, "p", {"S": "a"}),
        ("gix", "g", {"S": "x"}),
        ("gkeys", "g", {"S": "y"}),
        ("ghash", "h", {"N": "1"}),
        ("lix", "p", {"S": "b"}),
    ],
)
def test_pages_of_a_query_are_the_whole(
    world: World, account: str, index: str | None, name: str, value: dict[str, str], forward: bool
) -> None:
    request = {**query(index, name, value), "ScanIndexForward": forward}
    whole = walk(world, account, "Query", request)
    assert len(whole) > 5
    for limit in (1, 2, 3, len(whole), len(whole) + 1):
        assert walk(world, account, "Query", {**request, "Limit": limit}) == whole
    reverse = walk(world, account, "Query", {**request, "ScanIndexForward": not forward})
    assert reverse == whole[::-1]


@pytest.mark.parametrize("index", [None, *INDEXES, *LOCAL])
def test_pages_of_a_scan_are_the_whole(world: World, account: str, index: str | None) -> None:
    request = {"TableName": "walks"} if index is None else {"TableName": "walks", "IndexName": index}
    whole = walk(world, account, "Scan", request)
    assert len(whole) > 20
    for limit in (1, 7, len(whole)):
        assert walk(world, account, "Scan", {**request, "Limit": limit}) == whole


@pytest.mark.parametrize("index", [None, "gix", "lix"])
@pytest.mark.parametrize("total", [1, 2, 5, 16])
def test_segments_share_the_whole(world: World, account: str, index: str | None, total: int) -> None:
    request: dict[str, Any] = {"TableName": "walks"} if index is None else {"TableName": "walks", "IndexName": index}
    whole = walk(world, account, "Scan", request)
    parts = [
        walk(world, account, "Scan", {**request, "Segment": segment, "TotalSegments": total, "Limit": 4})
        for segment in range(total)
    ]
    assert sorted(text(item) for part in parts for item in part) == sorted(map(text, whole))
    partitions = [{text(item["p"]) for item in part} for part in parts]
    if index is None:
        assert sum(map(len, partitions)) == len({text(item["p"]) for item in whole}), "a partition in two segments"


def test_filters_count_what_they_see(world: World, account: str) -> None:
    request = {**query(None, "p", {"S": "a"}), "FilterExpression": "attribute_exists(g)", "Limit": 3}
    found = list(pages(world, account, "Query", request))
    assert sum(page["ScannedCount"] for page in found) == ITEMS // 3
    whole = walk(world, account, "Query", query(None, "p", {"S": "a"}))
    assert sum(page["Count"] for page in found) == sum("g" in item for item in whole)
    assert all(page["Count"] == len(page["Items"]) for page in found)


@pytest.mark.parametrize("operation", ["Query", "Scan"])
@pytest.mark.parametrize("forward", [True, False])
def test_a_page_ends_with_the_item_that_fills_a_megabyte(world: World, operation: str, forward: bool) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("walks", "p S, s N", {}, {}))
    size = 100_000
    for number in range(1, 13):
        item = {"p": {"S": "a"}, "s": {"N": str(number)}}
        item["v"] = {"S": "x" * (size - 2 - 3 - 1)}  # names p, s and v, keys of one and two bytes
        world.must(account, "PutItem", {"TableName": "walks", "Item": item})
    request: dict[str, Any] = {"TableName": "walks", "Select": "COUNT", "ReturnConsumedCapacity": "TOTAL"}
    if operation == "Query":
        request = {**query(None, "p", {"S": "a"}), **request, "ScanIndexForward": forward}
    first, second = (page for page in pages(world, account, operation, request))
    in_first = -(-MEGABYTE // size)
    assert (first["Count"], second["Count"]) == (in_first, 12 - in_first)
    assert first["ConsumedCapacity"]["CapacityUnits"] == -(-in_first * size // 4096) / 2


def test_a_key_after_the_last_megabyte_exactly(world: World) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("walks", "p S, s N", {}, {}))
    for number in (1, 2, 3, 4):
        filler = "x" * (MEGABYTE // 4 - 6)
        item = {"p": {"S": "a"}, "s": {"N": str(number)}, "v": {"S": filler}}
        world.must(account, "PutItem", {"TableName": "walks", "Item": item})
    page = world.must(account, "Query", {**query(None, "p", {"S": "a"}), "Select": "COUNT"})
    assert page["Count"] == 4
    assert page["LastEvaluatedKey"] == {"p": {"S": "a"}, "s": {"N": "4"}}
