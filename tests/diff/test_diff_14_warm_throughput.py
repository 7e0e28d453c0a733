"""WarmThroughput is answered where it was given only; the service describes a default for every table."""

from __future__ import annotations

from typing import Any

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

GIVEN = {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 5000}


def described(world: World, **members: Any) -> dict[str, Any]:
    """Return the description of a new table."""
    account = world.account()
    world.must(account, "CreateTable", {**create_request("warm", "p S", {}, {}), **members})
    table: dict[str, Any] = world.must(account, "DescribeTable", {"TableName": "warm"})["Table"]
    return table


def test_only_what_was_given_is_described(world: World) -> None:
    assert "WarmThroughput" not in described(world)
    warm = described(world, WarmThroughput=GIVEN)["WarmThroughput"]
    assert {name: warm[name] for name in GIVEN} == GIVEN
