"""Every operation of both services is answered, and in the shape of the service's model."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import shape_check
from botocore.exceptions import ClientError

from extenddb.core.model import OPERATIONS

REFUSED = frozenset(
    (
        "CancelBulkOperation",
        "DescribeBulkOperation",
        "DescribeExport",
        "DescribeImport",
        "ExportTableToPointInTime",
        "ImportTable",
        "StartBulkPutItems",
    )
)
"""Operations whose smallest request names something that is not there: the answer may be one of their errors."""
pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("operations")]
_numbers = itertools.count()
_KEY = {"id": {"S": "one"}}
_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/gone"
_KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"

Request = dict[str, Any]


class World:
    """What requests need to stand on: a table of their own, with an index and a stream."""

    def __init__(self, client: Any, streams: Any) -> None:
        self.client = client
        self.streams = streams
        self.name = f"every-{next(_numbers)}"
        self.table = client.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "again",
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]
        self.arn = self.table["TableArn"]
        client.put_item(TableName=self.name, Item=_KEY)

    def policy(self) -> str:
        """Return a policy of the table."""
        account = {"AWS": "arn:aws:iam::000000000000:root"}
        statement = {"Effect": "Allow", "Principal": account, "Action": "dynamodb:GetItem", "Resource": self.arn}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def with_policy(self) -> Request:
        """Attach a policy, and return a request for it."""
        self.client.put_resource_policy(ResourceArn=self.arn, Policy=self.policy())
        return {"ResourceArn": self.arn}

    def with_destination(self) -> Request:
        """Enable a Kinesis destination, and return a request for it."""
        request = {"TableName": self.name, "StreamArn": _KINESIS}
        self.client.enable_kinesis_streaming_destination(**request)
        return request

    def with_replica(self) -> Request:
        """Give the table a replica, and return a request for it."""
        self.client.update_table(TableName=self.name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
        return {"TableName": self.name}

    def with_global_table(self) -> Request:
        """Make a global table, and return a request for it."""
        self.client.create_global_table(GlobalTableName=self.name, ReplicationGroup=[{"RegionName": "us-east-1"}])
        return {"GlobalTableName": self.name}

    def with_backup(self) -> Request:
        """Make a backup, wait until it is complete, and return a request for it."""
        details = self.client.create_backup(TableName=self.name, BackupName="backup")["BackupDetails"]
        request = {"BackupArn": details["BackupArn"]}
        deadline = time.monotonic() + 30
        while details["BackupStatus"] != "AVAILABLE":
            assert time.monotonic() < deadline
            details = self.client.describe_backup(**request)["BackupDescription"]["BackupDetails"]
        return request

    def with_recovery(self) -> Request:
        """Enable recovery to a point in time, and return a request for the table."""
        self.client.update_continuous_backups(
            TableName=self.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        return {"SourceTableName": self.name}

    def with_vectors(self) -> Request:
        """Make a table with a vector index, and return a search in it."""
        name = f"{self.name}-vectors"
        index = {
            "IndexName": "near",
            "VectorAttribute": {"AttributeName": "place"},
            "Projection": {"ProjectionType": "ALL"},
            "Dimensions": 2,
            "DistanceFunction": "COSINE",
        }
        request = {**self.new_table(), "TableName": name, "BillingMode": "PAY_PER_REQUEST"}
        self.client.create_table(**request, VectorIndexes=[index])
        return {"TableName": name, "IndexName": "near", "SearchVector": [{"N": "1"}, {"N": "0"}], "TopK": 1}

    def iterator(self) -> Request:
        """Return a request for an iterator of the stream's first shard."""
        arn = self.table["LatestStreamArn"]
        shards = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        return {"StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}

    def new_table(self) -> Request:
        """Return what a new table needs besides capacity."""
        return {
            "TableName": f"{self.name}-new",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }


def _on(**members: Any) -> Callable[[World], Request]:
    return lambda world: {"TableName": world.name, **members}


def _of(**members: Any) -> Callable[[World], Request]:
    return lambda world: {"ResourceArn": world.arn, **members}


def _plain(**members: Any) -> Callable[[World], Request]:
    return lambda world: members


_STATEMENT = "SELECT * FROM \"{}\" WHERE id = 'one'"

REQUESTS: dict[str, Callable[[World], Request]] = {
    "BatchExecuteStatement": lambda world: {"Statements": [{"Statement": _STATEMENT.format(world.name)}]},
    "BatchGetItem": lambda world: {"RequestItems": {world.name: {"Keys": [_KEY]}}},
    "BatchWriteItem": lambda world: {"RequestItems": {world.name: [{"PutRequest": {"Item": _KEY}}]}},
    "CancelBulkOperation": _plain(BulkOperationArn=f"{_ARN}/bulk/01234567890123-abcdefab"),
    "CreateBackup": _on(BackupName="backup"),
    "CreateGlobalTable": lambda world: {
        "GlobalTableName": world.name,
        "ReplicationGroup": [{"RegionName": "us-east-1"}],
    },
    "CreateTable": lambda world: {**world.new_table(), "BillingMode": "PAY_PER_REQUEST"},
    "DeleteBackup": lambda world: world.with_backup(),
    "DeleteItem": _on(Key=_KEY),
    "DeleteResourcePolicy": lambda world: world.with_policy(),
    "DeleteTable": _on(),
    "DescribeBackup": lambda world: world.with_backup(),
    "DescribeBulkOperation": _plain(BulkOperationArn=f"{_ARN}/bulk/01234567890123-abcdefab"),
    "DescribeContinuousBackups": _on(),
    "DescribeContributorInsights": _on(),
    "DescribeEndpoints": _plain(),
    "DescribeExport": _plain(ExportArn=f"{_ARN}/export/01234567890123-abcdefab"),
    "DescribeGlobalTable": lambda world: world.with_global_table(),
    "DescribeGlobalTableSettings": lambda world: world.with_global_table(),
    "DescribeImport": _plain(ImportArn=f"{_ARN}/import/01234567890123-abcdefab"),
    "DescribeKinesisStreamingDestination": _on(),
    "DescribeLimits": _plain(),
    "DescribeStream": lambda world: {"StreamArn": world.table["LatestStreamArn"]},
    "DescribeTable": _on(),
    "DescribeTableReplicaAutoScaling": lambda world: world.with_replica(),
    "DescribeTimeToLive": _on(),
    "DisableKinesisStreamingDestination": lambda world: world.with_destination(),
    "EnableKinesisStreamingDestination": _on(StreamArn=_KINESIS),
    "ExecuteStatement": lambda world: {"Statement": _STATEMENT.format(world.name)},
    "ExecuteTransaction": lambda world: {"TransactStatements": [{"Statement": _STATEMENT.format(world.name)}]},
    "ExportTableToPointInTime": lambda world: {"TableArn": world.arn, "S3Bucket": "bucket"},
    "GetItem": _on(Key=_KEY),
    "GetRecords": lambda world: {
        "ShardIterator": world.streams.get_shard_iterator(**world.iterator())["ShardIterator"]
    },
    "GetResourcePolicy": lambda world: world.with_policy(),
    "GetShardIterator": lambda world: world.iterator(),
    "ImportTable": lambda world: {
        "S3BucketSource": {"S3Bucket": "bucket"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": {**world.new_table(), "BillingMode": "PAY_PER_REQUEST"},
    },
    "ListBackups": _plain(),
    "ListBulkOperations": _plain(),
    "ListContributorInsights": _plain(),
    "ListExports": _plain(),
    "ListGlobalTables": _plain(),
    "ListImports": _plain(),
    "ListStreams": _plain(),
    "ListTables": _plain(),
    "ListTagsOfResource": _of(),
    "PutItem": _on(Item=_KEY),
    "PutResourcePolicy": lambda world: {"ResourceArn": world.arn, "Policy": world.policy()},
    "Query": _on(KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "one"}}),
    "RestoreTableFromBackup": lambda world: {**world.with_backup(), "TargetTableName": f"{world.name}-restored"},
    "RestoreTableToPointInTime": lambda world: {
        **world.with_recovery(),
        "TargetTableName": f"{world.name}-restored",
        "UseLatestRestorableTime": True,
    },
    "Scan": _on(),
    "SearchVectors": lambda world: world.with_vectors(),
    "StartBulkPutItems": _on(
        InputS3Configuration={"S3Bucket": "bucket", "InputFormat": "DYNAMODB_JSON"},
        OutputS3Configuration={"OutputType": ["ERROR"]},
    ),
    "TagResource": _of(Tags=[{"Key": "team", "Value": "blue"}]),
    "TransactGetItems": lambda world: {"TransactItems": [{"Get": {"TableName": world.name, "Key": _KEY}}]},
    "TransactWriteItems": lambda world: {"TransactItems": [{"Put": {"TableName": world.name, "Item": _KEY}}]},
    "UntagResource": _of(TagKeys=["team"]),
    "UpdateContinuousBackups": _on(PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}),
    "UpdateContributorInsights": _on(ContributorInsightsAction="ENABLE"),
    "UpdateGlobalTable": lambda world: {
        **world.with_global_table(),
        "ReplicaUpdates": [{"Create": {"RegionName": "eu-west-1"}}],
    },
    "UpdateGlobalTableSettings": lambda world: {
        **world.with_global_table(),
        "GlobalTableProvisionedWriteCapacityUnits": 5,
    },
    "UpdateItem": _on(Key=_KEY),
    "UpdateKinesisStreamingDestination": lambda world: {
        **world.with_destination(),
        "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"},
    },
    "UpdateTable": _on(DeletionProtectionEnabled=True),
    "UpdateTableReplicaAutoScaling": lambda world: {
        **world.with_replica(),
        "ProvisionedWriteCapacityAutoScalingUpdate": {"AutoScalingDisabled": True},
    },
    "UpdateTimeToLive": _on(TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}),
}
"""The smallest sensible request of each operation."""


def test_there_is_a_request_for_every_operation() -> None:
    assert REQUESTS.keys() == OPERATIONS.keys()
    assert len(REQUESTS) == 66
    assert OPERATIONS.keys() > REFUSED


def _method(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_answered(name: str, client: Any, streams: Any) -> None:
    request = REQUESTS[name](World(client, streams))
    service = {"dynamodb": client, "dynamodbstreams": streams}[OPERATIONS[name].service]
    error = _error(lambda: getattr(service, _method(name))(**request))
    if name in REFUSED:
        assert error in {None, "ValidationException", *OPERATIONS[name].errors}
    else:
        assert error is None


def _error(call: Callable[[], object]) -> str | None:
    """Return the code of the error that a call fails with."""
    try:
        call()
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return code
    return None


def test_an_answer_that_does_not_fit_is_noticed() -> None:
    answer = {
        "Tabel": {},
        "Table": {
            "ItemCount": True,
            "TableStatus": "LOST",
            "KeySchema": [{"AttributeName": "id"}],
            "CreationDateTime": "now",
        },
    }
    found = shape_check.problems("dynamodb", "DescribeTable", answer)
    assert [re.split(r":| is ", problem)[0] for problem in found] == [
        "DescribeTable.Tabel",
        "DescribeTable.Table.ItemCount",
        "DescribeTable.Table.TableStatus",
        "DescribeTable.Table.KeySchema[0].KeyType",
        "DescribeTable.Table.CreationDateTime",
    ]
    assert shape_check.problems("dynamodb", "TagResource", {"Tags": []}) == ["TagResource: no members are modelled"]
    assert shape_check.problems("dynamodb", "GetItem", {"Item": {"a": {"B": "?"}}}) == [
        "GetItem.Item['a'].B: '?' is no blob"
    ]
