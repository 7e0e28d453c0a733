"""Times, numbers, documents and tokens that nobody sane sends: each has an answer, and none breaks the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine.tables import policy, policy_lockout

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"
TIMES = (1e308, -1e308, 10**300, -(10**300), 10**18, -(10**18), 253_402_300_800, -62_135_596_801, 0.5, 0, -0.0)
QUARTER = 15 * 60


def _timed(moment: float) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "RestoreTableToPointInTime",
        {
            "SourceTableName": "tab",
            "TargetTableName": "other",
            "RestoreDateTime": moment,
        },
    )
    export = {"TableArn": ARN, "S3Bucket": "bucket"}
    yield "ExportTableToPointInTime", {**export, "ExportTime": moment}
    for period in (
        {"ExportFromTime": moment},
        {"ExportFromTime": moment, "ExportToTime": moment},
        {"ExportFromTime": 1_800_000_000, "ExportToTime": moment},
        {"ExportFromTime": moment - QUARTER, "ExportToTime": moment},
    ):
        yield (
            "ExportTableToPointInTime",
            {
                **export,
                "ExportType": "INCREMENTAL_EXPORT",
                "IncrementalExportSpecification": period,
            },
        )
    yield "ListBackups", {"TimeRangeLowerBound": moment}
    yield "ListBackups", {"TimeRangeUpperBound": moment}
    yield "ListBackups", {"TimeRangeLowerBound": -moment, "TimeRangeUpperBound": moment}


@pytest.fixture
def recovered(desk: Any) -> Any:
    """A desk with a table that can be restored, and has a stream."""
    desk.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    recovery = {"PointInTimeRecoveryEnabled": True}
    desk("UpdateContinuousBackups", TableName="tab", PointInTimeRecoverySpecification=recovery)
    return desk


@pytest.mark.parametrize("moment", TIMES)
def test_no_time_is_too_far_away(recovered: Any, moment: float) -> None:
    for operation, request in _timed(moment):
        _answered(recovered, operation, request)


def _answered(desk: Any, operation: str, request: dict[str, Any]) -> str:
    """Return the error's name, empty for an answer; whatever else is raised fails the test."""
    try:
        desk(operation, **request)
    except ServiceError as error:
        kind = error.kind
    else:
        return ""
    assert kind.fault == "client", f"{operation} {request}"
    return kind.name


@pytest.mark.parametrize("moment", TIMES)
def test_a_time_outside_the_window_is_told_as_the_nearest_that_can_be_printed(recovered: Any, moment: float) -> None:
    name, text = recovered.refused(
        "RestoreTableToPointInTime", SourceTableName="tab", TargetTableName="other", RestoreDateTime=moment
    )
    assert name == "InvalidRestoreTimeException"
    assert text.startswith(f"RestoreDateTime '{'9999' if moment > 10**11 else '1970'}-")


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), "1e3", None, True, [1]])
def test_what_is_no_number_is_no_time(recovered: Any, moment: Any) -> None:
    request = {"SourceTableName": "tab", "TargetTableName": "other", "RestoreDateTime": moment}
    assert _answered(recovered, "RestoreTableToPointInTime", request) in (
        "SerializationException",
        "ValidationException",  # null is absent
        "InvalidRestoreTimeException",  # infinity is as far away as can be told
    )


@pytest.mark.parametrize("digits", [21, 22, 39, 40])
@pytest.mark.parametrize("kind", ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])
def test_no_sequence_number_is_too_large(recovered: Any, kind: str, digits: int) -> None:
    stream = recovered("DescribeTable", TableName="tab")["Table"]["LatestStreamArn"]
    shard = recovered("DescribeStream", StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    place = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": kind, "SequenceNumber": "9" * digits}
    if digits == 40 or digits == 39:
        assert recovered.refused("GetShardIterator", **place) == ("ValidationException", "Invalid SequenceNumber")
    else:
        _answered(recovered, "GetShardIterator", place)


def _nested(levels: int, opening: str, closing: str) -> str:
    return f'{{"Statement":{opening * levels}1{closing * levels}}}'


POLICIES = (
    _nested(9000, "[", "]"),
    _nested(3000, '{"a":', "}"),
    _nested(900, "[", "]"),
    _nested(40, '{"a":', "}"),
    '{"Statement":' + "9" * 5000 + "}",
    '{"Statement":NaN}',
    '{"Statement":-Infinity}',
    "[" * 10_000,
    "\ufeff{}",
    "",
    "\0",
)


@pytest.mark.parametrize("document", POLICIES, ids=lambda document: document[:20])
def test_documents_that_are_no_json_of_a_sane_depth(desk: Any, document: str) -> None:
    arn = desk.table()
    assert desk.refused("PutResourcePolicy", ResourceArn=arn, Policy=document) == (
        "ValidationException",
        "One or more parameter values were invalid: Invalid policy document: This policy contains invalid Json",
    )


@pytest.mark.parametrize("strange", [[], {}, 1, None, [[]], {"a": {}}])
@pytest.mark.parametrize("element", ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"])
def test_elements_of_any_type(desk: Any, element: str, strange: Any) -> None:
    arn = desk.table()
    statement = {
        "Sid": "one",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "dynamodb:GetItem",
        "Resource": arn,
        element: strange,
    }
    for statements in ([statement, statement], statement):
        document = json.dumps({"Version": "2012-10-17", "Id": "id", "Statement": statements})
        _answered(desk, "PutResourcePolicy", {"ResourceArn": arn, "Policy": document})


def test_a_condition_as_deep_as_they_come_is_kept() -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "dynamodb:GetItem",
        "Resource": arn,
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a", "b"]}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    assert policy.check(document, arn) == document


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("*", True),
        ("dynamodb:*", True),
        ("dynamodb:put*policy", True),
        ("dynamodb:?utresourcepolicy", True),
        ("dynamodb:putresourcepolic", False),
        ("dynamodb:putresourcepolicy?", False),
        ("[d]ynamodb:putresourcepolicy", False),
        ("*?" * 5000, False),
        ("*a" * 5000, False),
    ],
)
def test_patterns_of_actions(pattern: str, fits: bool) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": pattern, "Resource": "*"}
    document = json.dumps({"Statement": [statement]})
    if fits:
        with pytest.raises(ServiceError, match="AccessDeniedException"):
            policy_lockout.check(document, ARN, "000000000000")
    else:
        policy_lockout.check(document, ARN, "000000000000")


TOKENS = ("", "=", "a", "====", "\0", "\u0660", "é" * 40, "A" * 3, "A" * 400, "LS0tLS0tLQ==", "-/\x7f", "null")


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_of_any_text(recovered: Any, token: str) -> None:
    requests: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ExecuteStatement", {"Statement": "SELECT * FROM tab", "NextToken": token}),
        ("ListContributorInsights", {"NextToken": token}),
        ("ListExports", {"NextToken": token}),
        ("ListImports", {"NextToken": token}),
        ("ListBulkOperations", {"NextToken": token}),
        ("ListTagsOfResource", {"ResourceArn": ARN, "NextToken": token}),
        ("GetRecords", {"ShardIterator": token}),
        ("GetRecords", {"ShardIterator": f"{ARN}/stream/x|1|{token}"}),
        ("GetRecords", {"ShardIterator": f"{ARN}/stream/x|1|{token}.{token}"}),
        ("ListBackups", {"ExclusiveStartBackupArn": f"{ARN}/backup/{token}"}),
        ("DescribeBackup", {"BackupArn": f"{ARN}/backup/{token}"}),
        ("DescribeExport", {"ExportArn": f"{ARN}/export/{token}"}),
        ("DescribeImport", {"ImportArn": f"{ARN}/import/{token}"}),
        ("ListStreams", {"ExclusiveStartStreamArn": f"{ARN}/stream/{token}"}),
        ("ListGlobalTables", {"ExclusiveStartGlobalTableName": token}),
        ("ListTables", {"ExclusiveStartTableName": token}),
    )
    for operation, request in requests:
        _answered(recovered, operation, request)
