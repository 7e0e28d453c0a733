"""What the operations on streams answer and refuse, in the service's words."""

from __future__ import annotations

from typing import Any

import pytest

VIEW = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def streamed(desk: Any) -> tuple[str, str]:
    """Return the ARN of a new table's stream and the id of its shard."""
    desk.table(StreamSpecification=VIEW)
    arn = desk("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    (shard,) = desk("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    return arn, shard["ShardId"]


def iterator(desk: Any, arn: str, shard: str, kind: str = "TRIM_HORIZON", **members: Any) -> str:
    request = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind, **members}
    answer: str = desk("GetShardIterator", **request)["ShardIterator"]
    return answer


def test_a_stream_is_described_and_listed_also_when_its_table_is_gone(desk: Any) -> None:
    arn, shard = streamed(desk)
    label = arn.rpartition("/")[2]
    described = {
        "StreamArn": arn,
        "StreamLabel": label,
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "CreationRequestDateTime": desk.now / 1000,
        "TableName": "tab",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "Shards": [{"ShardId": shard, "SequenceNumberRange": {"StartingSequenceNumber": "100000000000000000001"}}],
    }
    assert desk("DescribeStream", StreamArn=arn) == {"StreamDescription": described}
    listed = {"Streams": [{"StreamArn": arn, "TableName": "tab", "StreamLabel": label}]}
    assert desk("ListStreams") == desk("ListStreams", TableName="tab") == listed
    assert desk("ListStreams", TableName="none") == {"Streams": []}
    desk("DeleteTable", TableName="tab")
    assert desk("ListStreams") == listed
    gone = desk("DescribeStream", StreamArn=arn)["StreamDescription"]
    assert gone["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in gone["Shards"][0]["SequenceNumberRange"]


def test_records_of_changes(desk: Any) -> None:
    arn, shard = streamed(desk)
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    desk("PutItem", TableName="tab", Item={**key, "n": {"N": "101"}})
    desk("PutItem", TableName="tab", Item={**key, "n": {"N": "101"}})
    desk("DeleteItem", TableName="tab", Key=key)
    answer = desk("GetRecords", ShardIterator=iterator(desk, arn, shard))
    first, last = answer["Records"]
    assert len(first.pop("eventID")) == 32
    image = {**key, "n": {"N": "101"}}
    assert first == {
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": desk.now // 1000,
            "Keys": key,
            "NewImage": image,
            "SequenceNumber": "100000000000000000001",
            "SizeBytes": 16,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
    assert (last["eventName"], last["dynamodb"]["OldImage"], "NewImage" in last["dynamodb"]) == ("REMOVE", image, False)
    assert desk("GetRecords", ShardIterator=answer["NextShardIterator"])["Records"] == []


MISSING = "arn:aws:dynamodb:us-east-1:000000000000:table/tab/stream/2020-01-01T00:00:00.000"


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DescribeStream", {}),
        ("GetShardIterator", {"ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"}),
    ],
)
def test_a_stream_that_is_not_there(desk: Any, operation: str, members: dict[str, str]) -> None:
    assert desk.refused(operation, StreamArn=MISSING, **members) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {MISSING} not found",
    )


def test_shards_and_iterators_that_are_not_there(desk: Any) -> None:
    arn, shard = streamed(desk)
    other = {"StreamArn": arn, "ShardId": f"{shard[:-8]}zzzzzzzz", "ShardIteratorType": "LATEST"}
    assert desk.refused("GetShardIterator", **other) == (
        "ResourceNotFoundException",
        "Requested resource not found: Shard does not exist",
    )
    good = iterator(desk, arn, shard)
    for wrong in ("none", good[:-1] + ("0" if good[-1] != "0" else "1")):
        assert desk.refused("GetRecords", ShardIterator=wrong) == ("ValidationException", "Invalid ShardIterator")
    desk.now += 15 * 60 * 1000 + 1
    assert desk.refused("GetRecords", ShardIterator=good)[0] == "ExpiredIteratorException"
    for operation, limit, most in (("DescribeStream", 101, 100), ("GetRecords", 1001, 1000)):
        target = {"StreamArn": arn} if operation == "DescribeStream" else {"ShardIterator": good}
        assert desk.refused(operation, **target, Limit=limit)[1] == (
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )


def test_a_stream_that_is_enabled_again_is_another(desk: Any) -> None:
    arn, _ = streamed(desk)
    desk("UpdateTable", TableName="tab", StreamSpecification={"StreamEnabled": False})
    table = desk("DescribeTable", TableName="tab")["Table"]
    assert (table["LatestStreamArn"], "StreamSpecification" in table) == (arn, False)
    assert desk("DescribeStream", StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    desk.now += 1
    desk("UpdateTable", TableName="tab", StreamSpecification=VIEW)
    latest = desk("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    assert latest != arn
    assert [each["StreamArn"] for each in desk("ListStreams")["Streams"]] == [arn, latest]
