"""Violations come in the order of a Java hash map; members of one bucket come in the order of the model."""

from __future__ import annotations

import re
from typing import Any

import pytest
from dynamodb_cases.families.violations import java_order
from dynamodb_cases.published import places
from dynamodb_cases.service import World

KEY = {"p": {"S": "a"}}


@pytest.mark.parametrize(
    ("operation", "wrong", "rest"),
    [
        ("Query", {"TableName": "", "ReturnConsumedCapacity": "x", "Select": "x", "Limit": 0}, {}),
        ("DeleteItem", {"ReturnValues": "x", "ReturnItemCollectionMetrics": "x"}, {"TableName": "abc", "Key": KEY}),
        ("Scan", {"Segment": -1, "Select": "x"}, {"TableName": "abc"}),
        ("ExecuteStatement", {"Limit": 0, "Statement": ""}, {}),
    ],
)
def test_members_in_the_order_of_their_buckets(
    world: World, operation: str, wrong: dict[str, Any], rest: dict[str, Any]
) -> None:
    reply = world.service.call(world.account(), operation, {**wrong, **rest})
    named = re.findall(r" at '(\w+)' failed", reply.message)  # Limit of Query has its capital
    model = [place.name for place in places(operation) if len(place.steps) == 1]
    bucket = java_order(model)
    by_rule = sorted(wrong, key=lambda member: (bucket[member], model.index(member)))
    assert [name[0].lower() + name[1:] for name in named] == [member[0].lower() + member[1:] for member in by_rule]
