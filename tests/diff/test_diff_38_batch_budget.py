"""BatchGetItem answers 54 of 100 items of 300 KB; the developer guide's example has 52."""

from __future__ import annotations

from typing import Any

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

SIZE = 300 * 1024
BUDGET = 16 * 1024 * 1024


def test_as_many_items_as_fit(world: World) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("budget", "p S", {}, {}))
    keys = [{"p": {"S": f"{number:03}"}} for number in range(60)]
    for key in keys:
        world.must(account, "PutItem", {"TableName": "budget", "Item": {**key, "v": {"S": "x" * (SIZE - 5)}}})
    part: dict[str, Any] = {"Keys": keys, "ProjectionExpression": "#p", "ExpressionAttributeNames": {"#p": "p"}}
    answer = world.must(account, "BatchGetItem", {"RequestItems": {"budget": part}, "ReturnConsumedCapacity": "TOTAL"})
    fitting = BUDGET // SIZE
    assert answer["Responses"] == {"budget": keys[:fitting]}
    assert answer["UnprocessedKeys"] == {"budget": {**part, "Keys": keys[fitting:]}}
    assert answer["ConsumedCapacity"] == [{"TableName": "budget", "CapacityUnits": fitting * SIZE / 4096 / 2}]
    rest = world.must(account, "BatchGetItem", {"RequestItems": answer["UnprocessedKeys"]})
    assert rest == {"Responses": {"budget": keys[fitting:]}, "UnprocessedKeys": {}}
