"""The megabyte of GetRecords is one of stored JSON; what the service counts is not known."""

from __future__ import annotations

import json
from typing import Any

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

MEGABYTE = 1024 * 1024
OVERHEAD = 600  # bytes of an answer's record that are not stored with it


def test_numbers_fill_it_sooner_than_their_sizes_say(world: World) -> None:
    account = world.account()
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    created = world.must(account, "CreateTable", {**create_request("told", "p S", {}, {}), **stream})
    many = {"L": [{"N": "7"}] * 9000}  # 27 KB by the rule for items, 81 KB of JSON
    for number in range(20):
        world.must(account, "PutItem", {"TableName": "told", "Item": {"p": {"S": f"{number:02}"}, "v": many}})
    arn = created["TableDescription"]["LatestStreamArn"]
    described = world.must(account, "DescribeStream", {"StreamArn": arn})
    (shard,) = described["StreamDescription"]["Shards"]
    given: dict[str, Any] = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = world.must(account, "GetShardIterator", given)
    records = world.must(account, "GetRecords", iterator)["Records"]
    size = len(json.dumps(records, separators=(",", ":")))
    assert len(records) == 11
    assert MEGABYTE - size // 11 - OVERHEAD < size < MEGABYTE + 11 * OVERHEAD
    assert sum(each["dynamodb"]["SizeBytes"] for each in records) < MEGABYTE // 2
