"""Violations come in the order of a Java hash map; members of one bucket come in the order of the model."""

from __future__ import annotations

import re

from dynamodb_cases.families.violations import java_order
from dynamodb_cases.published import input_of, places, shape_of
from dynamodb_cases.service import World

OPERATION = "Query"
WRONG = {"TableName": "", "ReturnConsumedCapacity": "x", "Select": "x", "ConditionalOperator": "x", "Limit": 0}


def test_members_in_the_order_of_their_buckets(world: World) -> None:
    reply = world.service.call(world.account(), OPERATION, WRONG)
    named = re.findall(r" at '(\w+)' failed", reply.message)
    model = [place.name for place in places(OPERATION) if len(place.steps) == 1]
    assert set(model) == set(shape_of(input_of(OPERATION))["members"])
    bucket = java_order(model)
    by_rule = sorted(WRONG, key=lambda member: (bucket[member], model.index(member)))
    assert named == [member[0].lower() + member[1:] for member in by_rule]
