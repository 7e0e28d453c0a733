"""What exports and imports refuse, in the service's words, and how they are listed."""

from __future__ import annotations

from typing import Any

import pytest

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"
INVALID = "One or more parameter values were invalid: "
KIND = {"ExportType": "INCREMENTAL_EXPORT"}
MINUTES = 60


def period(**members: Any) -> dict[str, Any]:
    return {**KIND, "IncrementalExportSpecification": members}


def recovered(desk: Any) -> None:
    desk.table()
    desk(
        "UpdateContinuousBackups",
        TableName="tab",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"TableArn": ""}, "Invalid TableArn: Invalid Table ARN"),
        ({"TableArn": "tab"}, f"{INVALID}tableArn is not a valid ARN"),
        ({"TableArn": f"{ARN}/index/inv"}, "Invalid Request: Table ARN is invalid."),
        (
            {"IncrementalExportSpecification": {}},
            "Invalid Request: Export Type expected to be Incremental Export when incremental export specification is "
            "provided",
        ),
        (
            {"ExportType": "FULL_EXPORT", "IncrementalExportSpecification": {}},
            "Invalid Request: When Export Type is Full Export , Incremental Export Specification should not be "
            "provided",
        ),
        (
            KIND,
            "Invalid Request: Incremental Export Specification expected when export type is set as Incremental Export",
        ),
        (period(), "Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification"),
        ({"S3SseKmsKeyId": "k"}, "Invalid Request: KMS Key Id is not supported for this encryption type"),
        (
            {"FilterSpecification": {}},
            "Invalid Request: Invalid FilterSpecification: The specification can not be empty",
        ),
    ],
    ids=str,
)
def test_exports_that_cannot_be(desk: Any, members: dict[str, Any], text: str) -> None:
    refused = desk.refused("ExportTableToPointInTime", **{"TableArn": ARN, "S3Bucket": "bucket", **members})
    assert refused == ("ValidationException", text)


def test_tables_that_cannot_be_exported(desk: Any) -> None:
    export: dict[str, Any] = {"TableArn": ARN, "S3Bucket": "bucket"}
    assert desk.refused("ExportTableToPointInTime", **export) == ("TableNotFoundException", f"Table not found: {ARN}")
    other = ARN.replace("0" * 12, "1" * 12)
    assert desk.refused("ExportTableToPointInTime", **{**export, "TableArn": other}) == (
        "AccessDeniedException",
        "Access is denied",
    )
    desk.table()
    assert desk.refused("ExportTableToPointInTime", **export) == (
        "PointInTimeRecoveryUnavailableException",
        "Point in time recovery is not enabled for table 'tab'",
    )
    early = period(ExportFromTime=desk.now // 1000 - 60)
    assert desk.refused("ExportTableToPointInTime", **export, **early) == (
        "InvalidExportTimeException",
        "Incremental export period from time cannot be less than the table creation time : 2027-01-15T07:59:00Z",
    )


@pytest.mark.parametrize(
    ("after", "members", "text"),
    [
        (0, {"ExportTime": 3600}, "Export Time is invalid"),
        (0, {"ExportTime": -1}, "Export Time is invalid"),
        (
            0,
            {"ExportFromTime": 0},
            "Difference between export period from time and export period to time is less than 15 minutes",
        ),
        (
            0,
            {"ExportFromTime": 0, "ExportToTime": 3600},
            "Incremental export period to time cannot be greater than the current time : 2027-01-15T09:00:00Z",
        ),
    ],
    ids=str,
)
def test_times_that_cannot_be_exported(desk: Any, after: int, members: dict[str, int], text: str) -> None:
    recovered(desk)
    moments = {name: desk.now // 1000 + seconds for name, seconds in members.items()}
    request = moments if "ExportTime" in moments else period(**moments)
    assert desk.refused("ExportTableToPointInTime", TableArn=ARN, S3Bucket="bucket", **request) == (
        "InvalidExportTimeException",
        text,
    )


def test_the_answer_to_an_export(desk: Any) -> None:
    recovered(desk)
    description = desk("ExportTableToPointInTime", TableArn=ARN, S3Bucket="bucket", ClientToken="t")[
        "ExportDescription"
    ]
    assert description.pop("ExportArn").startswith(f"{ARN}/export/0{desk.now}-")
    assert description.pop("TableId")
    assert description == {
        "ExportStatus": "IN_PROGRESS",
        "StartTime": desk.now / 1000,
        "TableArn": ARN,
        "ExportTime": desk.now / 1000,
        "ClientToken": "t",
        "S3Bucket": "bucket",
        "S3SseAlgorithm": "AES256",
        "ExportFormat": "DYNAMODB_JSON",
    }
    other = {"TableArn": ARN, "S3Bucket": "another", "ClientToken": "t"}
    assert desk.refused("ExportTableToPointInTime", **other) == (
        "ExportConflictException",
        "Export conflict: Duplicate request detected with conflicting parameters",
    )


def test_exports_are_listed_ten_at_a_time_and_by_the_table_that_is_there(desk: Any) -> None:
    recovered(desk)
    arns = []
    for _ in range(11):
        desk.now += 1
        arns.append(desk("ExportTableToPointInTime", TableArn=ARN, S3Bucket="bucket")["ExportDescription"]["ExportArn"])
    page = desk("ListExports")
    assert [each["ExportArn"] for each in page["ExportSummaries"]] == arns[:0:-1]
    assert page["ExportSummaries"][0] == {
        "ExportArn": arns[-1],
        "ExportStatus": "IN_PROGRESS",
        "ExportType": "FULL_EXPORT",
    }
    rest = desk("ListExports", NextToken=page["NextToken"])
    assert ([each["ExportArn"] for each in rest["ExportSummaries"]], "NextToken" in rest) == (arns[:1], False)
    for operation, token in (("ListExports", "none"), ("ListImports", page["NextToken"])):
        assert desk.refused(operation, NextToken=token) == (
            "ValidationException",
            f"Invalid Request: Provided nextToken is invalid: {token}",
        )
    assert len(desk("ListExports", TableArn=ARN, MaxResults=25)["ExportSummaries"]) == 11
    desk("DeleteTable", TableName="tab")
    desk.table()
    assert desk("ListExports", TableArn=ARN)["ExportSummaries"] == []
    assert desk("DescribeExport", ExportArn=arns[0])["ExportDescription"]["TableArn"] == ARN


@pytest.mark.parametrize(
    ("part", "other", "code"),
    [("Export", "import", "ExportNotFoundException"), ("Import", "export", "ImportNotFoundException")],
)
def test_arns_of_no_export_and_no_import(desk: Any, part: str, other: str, code: str) -> None:
    operation, member = f"Describe{part}", f"{part}Arn"
    for arn in (ARN, f"{ARN}/{other}/01-abc", "x" * 40):
        assert desk.refused(operation, **{member: arn}) == ("ValidationException", f"Invalid {part} ARN")
    missing = f"{ARN}/{part.lower()}/01-abc"
    assert desk.refused(operation, **{member: missing}) == (code, f"{part} not found: {part} not found: {missing}")
    foreign = missing.replace("0" * 12, "1" * 12)
    assert desk.refused(operation, **{member: foreign}) == ("AccessDeniedException", "Access is denied")


TABLE = {
    "TableName": "tab",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
}
UNITS = {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}


@pytest.mark.parametrize(
    ("members", "create", "text"),
    [
        (
            {},
            TABLE,
            f"{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        ),
        (
            {},
            {**TABLE, **UNITS, "OnDemandThroughput": {"MaxWriteRequestUnits": 1}},
            f"{INVALID}MaxWriteRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is "
            "PROVISIONED.",
        ),
        (
            {"InputFormatOptions": {"Csv": {"Delimiter": ";"}}},
            {**TABLE, **UNITS},
            "Invalid Request: Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON.",
        ),
    ],
    ids=str,
)
def test_imports_that_cannot_be(desk: Any, members: dict[str, Any], create: dict[str, Any], text: str) -> None:
    request = {"S3BucketSource": {"S3Bucket": "bucket"}, "InputFormat": "DYNAMODB_JSON", **members}
    assert desk.refused("ImportTable", TableCreationParameters=create, **request) == ("ValidationException", text)


def test_a_table_is_not_imported_twice(desk: Any) -> None:
    request = {"S3BucketSource": {"S3Bucket": "bucket"}, "InputFormat": "DYNAMODB_JSON"}
    first = desk("ImportTable", TableCreationParameters={**TABLE, **UNITS}, ClientToken="t", **request)
    again = {**request, "S3BucketSource": {"S3Bucket": "bucket", "S3KeyPrefix": "other"}}
    assert desk("ImportTable", TableCreationParameters={**TABLE, **UNITS}, ClientToken="t", **again) == first
    other = {**TABLE, **UNITS, "TableName": "other"}
    assert desk.refused("ImportTable", TableCreationParameters=other, ClientToken="t", **request) == (
        "ImportConflictException",
        "Import conflict: Duplicate request detected with conflicting parameters",
    )
    in_use = "Attempt to change a resource which is still in use: Table is being created: tab"
    assert desk.refused("UpdateTable", TableName="tab", DeletionProtectionEnabled=True) == (
        "ResourceInUseException",
        in_use,
    )
    assert desk.refused("DescribeTimeToLive", TableName="tab")[0] == "ResourceNotFoundException"
    assert desk.refused("CreateBackup", TableName="tab", BackupName="one")[0] == "ContinuousBackupsUnavailableException"
    assert desk("DescribeContinuousBackups", TableName="tab")["ContinuousBackupsDescription"]
