"""A request of every operation, each about one table and what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]

_KEY = {"p": {"S": "one"}}
_ITEM = {**_KEY, "g": {"S": "x"}, "v": {"N": "1"}}
_KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
_GONE = "0123456789012-abcdefab"
_VECTORS = [
    {
        "IndexName": "near",
        "VectorAttribute": {"AttributeName": "place"},
        "Projection": {"ProjectionType": "ALL"},
        "Dimensions": 2,
        "DistanceFunction": "COSINE",
    }
]


@dataclass(slots=True)
class Facts:
    """What is known of the table that the requests are about, from before the race."""

    name: str
    stream: str = ""
    shard: str = ""
    iterator: str = ""
    backup: str = ""

    @property
    def arn(self) -> str:
        """The table's ARN."""
        return f"arn:aws:dynamodb:us-east-1:000000000000:table/{self.name}"


def creation(facts: Facts) -> Request:
    """Return a request for the table, with all that a table can have from the beginning."""
    index = {"IndexName": "gix", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}]}
    return {
        "TableName": facts.name,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("p", "g")],
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{**index, "Projection": {"ProjectionType": "ALL"}}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "VectorIndexes": _VECTORS,
    }


def _policy(facts: Facts) -> str:
    account = {"AWS": "arn:aws:iam::000000000000:root"}
    statement = {"Effect": "Allow", "Principal": account, "Action": "dynamodb:GetItem", "Resource": facts.arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _on(**members: Any) -> Callable[[Facts], Request]:
    return lambda facts: {"TableName": facts.name, **members}


def _of(**members: Any) -> Callable[[Facts], Request]:
    return lambda facts: {"ResourceArn": facts.arn, **members}


def _global(**members: Any) -> Callable[[Facts], Request]:
    return lambda facts: {"GlobalTableName": facts.name, **members}


def _plain(**members: Any) -> Callable[[Facts], Request]:
    return lambda _facts: members


def _new(facts: Facts) -> Request:
    keys = {name: creation(facts)[name] for name in ("KeySchema", "BillingMode")}
    return {
        **keys,
        "TableName": f"{facts.name}-new",
        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}],
    }


CONTROL: Mapping[str, Callable[[Facts], Request]] = {
    "CreateBackup": _on(BackupName="backup"),
    "CreateGlobalTable": _global(ReplicationGroup=[{"RegionName": "us-east-1"}]),
    "CreateTable": creation,
    "DeleteBackup": lambda facts: {"BackupArn": facts.backup},
    "DeleteResourcePolicy": _of(),
    "DeleteTable": _on(),
    "DisableKinesisStreamingDestination": _on(StreamArn=_KINESIS),
    "EnableKinesisStreamingDestination": _on(StreamArn=_KINESIS),
    "ExportTableToPointInTime": lambda facts: {"TableArn": facts.arn, "S3Bucket": "bucket"},
    "ImportTable": lambda facts: {
        "S3BucketSource": {"S3Bucket": "bucket"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": _new(facts),
    },
    "PutResourcePolicy": lambda facts: {"ResourceArn": facts.arn, "Policy": _policy(facts)},
    "RestoreTableFromBackup": lambda facts: {"BackupArn": facts.backup, "TargetTableName": f"{facts.name}-copy"},
    "RestoreTableToPointInTime": lambda facts: {
        "SourceTableName": facts.name,
        "TargetTableName": f"{facts.name}-copy",
        "UseLatestRestorableTime": True,
    },
    "StartBulkPutItems": _on(
        InputS3Configuration={"S3Bucket": "bucket", "InputFormat": "DYNAMODB_JSON"},
        OutputS3Configuration={"OutputType": ["ERROR"]},
    ),
    "TagResource": _of(Tags=[{"Key": "team", "Value": "blue"}]),
    "UntagResource": _of(TagKeys=["team"]),
    "UpdateContinuousBackups": _on(PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}),
    "UpdateContributorInsights": _on(ContributorInsightsAction="ENABLE"),
    "UpdateGlobalTable": _global(ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}]),
    "UpdateGlobalTableSettings": _global(GlobalTableProvisionedWriteCapacityUnits=5),
    "UpdateKinesisStreamingDestination": _on(
        StreamArn=_KINESIS,
        UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"},
    ),
    "UpdateTable": _on(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "gix"}}]),
    "UpdateTableReplicaAutoScaling": _on(ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True}),
    "UpdateTimeToLive": _on(TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}),
}
"""The operations that change a table, or what belongs to one."""

_SELECT = "SELECT * FROM \"{}\" WHERE p = 'one'"

DATA: Mapping[str, Callable[[Facts], Request]] = {
    "BatchExecuteStatement": lambda facts: {"Statements": [{"Statement": _SELECT.format(facts.name)}]},
    "BatchGetItem": lambda facts: {"RequestItems": {facts.name: {"Keys": [_KEY]}}},
    "BatchWriteItem": lambda facts: {"RequestItems": {facts.name: [{"PutRequest": {"Item": _ITEM}}]}},
    "CancelBulkOperation": lambda facts: {"BulkOperationArn": f"{facts.arn}/bulk-operation/{_GONE}"},
    "DeleteItem": _on(Key=_KEY),
    "DescribeBackup": lambda facts: {"BackupArn": facts.backup},
    "DescribeBulkOperation": lambda facts: {"BulkOperationArn": f"{facts.arn}/bulk-operation/{_GONE}"},
    "DescribeContinuousBackups": _on(),
    "DescribeContributorInsights": _on(),
    "DescribeEndpoints": _plain(),
    "DescribeExport": lambda facts: {"ExportArn": f"{facts.arn}/export/{_GONE}"},
    "DescribeGlobalTable": _global(),
    "DescribeGlobalTableSettings": _global(),
    "DescribeImport": lambda facts: {"ImportArn": f"{facts.arn}/import/{_GONE}"},
    "DescribeKinesisStreamingDestination": _on(),
    "DescribeLimits": _plain(),
    "DescribeStream": lambda facts: {"StreamArn": facts.stream},
    "DescribeTable": _on(),
    "DescribeTableReplicaAutoScaling": _on(),
    "DescribeTimeToLive": _on(),
    "ExecuteStatement": lambda facts: {"Statement": _SELECT.format(facts.name)},
    "ExecuteTransaction": lambda facts: {"TransactStatements": [{"Statement": _SELECT.format(facts.name)}]},
    "GetItem": _on(Key=_KEY),
    "GetRecords": lambda facts: {"ShardIterator": facts.iterator},
    "GetResourcePolicy": _of(),
    "GetShardIterator": lambda facts: {
        "StreamArn": facts.stream,
        "ShardId": facts.shard,
        "ShardIteratorType": "TRIM_HORIZON",
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
    "PutItem": _on(Item=_ITEM),
    "Query": _on(IndexName="gix", KeyConditionExpression="g = :g", ExpressionAttributeValues={":g": {"S": "x"}}),
    "Scan": _on(IndexName="gix"),
    "SearchVectors": _on(IndexName="near", SearchVector=[{"N": "1"}, {"N": "0"}], TopK=1),
    "TransactGetItems": lambda facts: {"TransactItems": [{"Get": {"TableName": facts.name, "Key": _KEY}}]},
    "TransactWriteItems": lambda facts: {"TransactItems": [{"Put": {"TableName": facts.name, "Item": _ITEM}}]},
    "UpdateItem": _on(Key=_KEY, UpdateExpression="ADD v :one", ExpressionAttributeValues={":one": {"N": "1"}}),
}
"""The operations that read, or write items."""
