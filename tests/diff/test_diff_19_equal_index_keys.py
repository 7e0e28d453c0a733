"""Entries of a global index with equal keys have one order, reversed with the rest; the service promises none."""

from __future__ import annotations

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World


def test_the_order_is_kept_and_reversed(world: World) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("equal", "p S", {"gix": "g S"}, {}))
    for name in "fbdace":
        world.must(account, "PutItem", {"TableName": "equal", "Item": {"p": {"S": name}, "g": {"S": "x"}}})
    query = {
        "TableName": "equal",
        "IndexName": "gix",
        "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": "x"}},
    }
    forward = world.must(account, "Query", query)["Items"]
    assert sorted(item["p"]["S"] for item in forward) == list("abcdef")
    assert world.must(account, "Query", query)["Items"] == forward
    assert world.must(account, "Query", {**query, "ScanIndexForward": False})["Items"] == forward[::-1]
