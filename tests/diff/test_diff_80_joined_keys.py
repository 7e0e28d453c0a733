"""Several sort key attributes of one index have together 1,024 bytes, several partition key attributes 2,048."""

from __future__ import annotations

from typing import Any

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

REFUSED = (
    "One or more parameter values were invalid: Aggregated size of all {} keys has exceeded the size limit of {} bytes"
)
KEYS = (("h1", "HASH"), ("h2", "HASH"), ("r1", "RANGE"), ("r2", "RANGE"))


def test_values_of_one_key_are_counted_together(world: World) -> None:
    account = world.account()
    request = create_request("joined", "p S", {}, {})
    request["AttributeDefinitions"] += [{"AttributeName": name, "AttributeType": "S"} for name, _ in KEYS]
    schema = [{"AttributeName": name, "KeyType": role} for name, role in KEYS]
    request["GlobalSecondaryIndexes"] = [
        {"IndexName": "many", "KeySchema": schema, "Projection": {"ProjectionType": "KEYS_ONLY"}}
    ]
    world.must(account, "CreateTable", request)
    sizes: dict[str, Any] = {"h1": 1024, "h2": 1024, "r1": 512, "r2": 512}
    item = {"p": {"S": "a"}, **{name: {"S": "x" * size} for name, size in sizes.items()}}
    world.must(account, "PutItem", {"TableName": "joined", "Item": item})
    for name, half, limit in (("h2", "hash", 2048), ("r1", "range", 1024)):
        larger = {**item, name: {"S": "x" * (sizes[name] + 1)}}
        reply = world.service.call(account, "PutItem", {"TableName": "joined", "Item": larger})
        assert reply.message == REFUSED.format(half, limit)
        alone = {part: value for part, value in larger.items() if part == "p" or part[0] == name[0]}
        reply = world.service.call(account, "PutItem", {"TableName": "joined", "Item": alone})
        assert reply.message == REFUSED.format(half, limit)
