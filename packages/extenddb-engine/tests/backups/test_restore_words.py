"""What backups and restores refuse, in the service's words."""

from __future__ import annotations

from typing import Any

import pytest

from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import CHORES, STEPS

HOME = "arn:aws:dynamodb:us-east-1:000000000000"
ONE = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


def work(desk: Any) -> None:
    jobs = Jobs(desk.engine.context, STEPS, CHORES)
    while desk.run(jobs.tick):
        pass


def backed_up(desk: Any) -> str:
    arn: str = desk("CreateBackup", TableName="tab", BackupName="one")["BackupDetails"]["BackupArn"]
    work(desk)
    return arn


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("", ("ValidationException", "Invalid Backup ARN")),
        (f"{HOME}:table/tab", ("ValidationException", "Invalid Backup ARN")),
        (
            f"{HOME}:table/tab/backup/01-a".replace("dynamodb", "dynamo"),
            ("ValidationException", "Invalid Request: BackupArn is not valid"),
        ),
        (
            f"{HOME}:table/tab/backup/01-a".replace("0" * 12, "1" * 12),
            ("AccessDeniedException", "Access is denied"),
        ),
        (
            f"{HOME}:table/tab/backup/01-a",
            ("BackupNotFoundException", f"Backup not found: {HOME}:table/tab/backup/01-a"),
        ),
    ],
)
@pytest.mark.parametrize("operation", ["DescribeBackup", "DeleteBackup", "RestoreTableFromBackup"])
def test_arns_of_no_backup(desk: Any, operation: str, arn: str, expected: tuple[str, str]) -> None:
    members = {"TargetTableName": "target"} if operation == "RestoreTableFromBackup" else {}
    assert desk.refused(operation, BackupArn=arn, **members) == expected


def test_backups_of_users_are_listed_unless_others_are_asked_for(desk: Any) -> None:
    desk.table()
    arn = backed_up(desk)
    assert [each["BackupArn"] for each in desk("ListBackups")["BackupSummaries"]] == [arn]
    assert desk("ListBackups", BackupType="SYSTEM")["BackupSummaries"] == []
    assert desk("ListBackups", ExclusiveStartBackupArn=f"{HOME}:table/zzz/backup/00")["BackupSummaries"] != []
    assert desk("ListBackups", TableName="none") == {"BackupSummaries": []}
    assert desk.refused("ListBackups", TimeRangeLowerBound=2, TimeRangeUpperBound=1) == (
        "ValidationException",
        "One or more parameter values were invalid: Time range lower bound must be less than or equal to upper bound",
    )


INDEX = {"KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
NO_MATCH = (
    "Index new does not match a secondary index that existed in the source table and cannot be created during the "
    "restore operation"
)


def gsi(name: str = "inv", **members: Any) -> dict[str, Any]:
    return {"GlobalSecondaryIndexOverride": [{"IndexName": name, **INDEX, **members}]}


PROVISIONED = {"BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": ONE}


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (
            {"ProvisionedThroughputOverride": ONE},
            "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
        ),
        (
            {"BillingModeOverride": "PAY_PER_REQUEST", "ProvisionedThroughputOverride": ONE},
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
        ),
        (
            {"BillingModeOverride": "PROVISIONED"},
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        ),
        (
            {**PROVISIONED, "OnDemandThroughputOverride": {"MaxReadRequestUnits": 1}},
            "Cannot override MaxReadRequestUnits for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST",
        ),
        (
            {"OnDemandThroughputOverride": {"MaxReadRequestUnits": 0}},
            "Requested MaxReadRequestUnits for OnDemandThroughput is outside of valid range",
        ),
        (gsi("new", Projection={"ProjectionType": "KEYS_ONLY"}), NO_MATCH),
        (
            gsi(ProvisionedThroughput=ONE),
            "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index inv",
        ),
        ({**PROVISIONED, **gsi()}, "Must specify provisioned throughput for index inv"),
        (PROVISIONED, "Must specify provisioned throughput for index inv"),
    ],
    ids=str,
)
def test_overrides_that_do_not_fit(desk: Any, overrides: dict[str, Any], text: str) -> None:
    desk.table()
    restore = {"TargetTableName": "target", "BackupArn": backed_up(desk), **overrides}
    assert desk.refused("RestoreTableFromBackup", **restore) == ("ValidationException", f"Invalid Request: {text}")
    assert desk("ListTables")["TableNames"] == ["tab"]


def test_an_index_may_be_restored_under_another_name(desk: Any) -> None:
    desk.table(TableClass="STANDARD_INFREQUENT_ACCESS")
    desk("RestoreTableFromBackup", TargetTableName="target", BackupArn=backed_up(desk), **gsi("new"))
    work(desk)
    table = desk("DescribeTable", TableName="target")["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["new"]
    assert "TableClassSummary" not in table
    assert table["RestoreSummary"]["RestoreInProgress"] is False


def test_what_is_restored_is_hardly_there(desk: Any) -> None:
    desk.table()
    arn = backed_up(desk)
    desk("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)
    missing = ("ResourceNotFoundException", "Requested resource not found: Table: target not found")
    of_table = f"{HOME}:table/target"
    for operation, members in (
        ("UpdateTable", {"TableName": "target", "DeletionProtectionEnabled": True}),
        ("DescribeTimeToLive", {"TableName": "target"}),
        ("DescribeContributorInsights", {"TableName": "target"}),
        ("ListTagsOfResource", {"ResourceArn": of_table}),
        ("GetResourcePolicy", {"ResourceArn": of_table}),
    ):
        assert desk.refused(operation, **members) == missing
    for operation, members in (
        ("DescribeContinuousBackups", {}),
        ("CreateBackup", {"BackupName": "two"}),
    ):
        assert desk.refused(operation, TableName="target", **members) == (
            "TableNotFoundException",
            "Table not found: target",
        )
    assert desk.refused("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn) == (
        "TableInUseException",
        f"Table: target is already being restored from backup: {arn}",
    )
    assert desk.refused("RestoreTableFromBackup", TargetTableName="other", BackupArn=arn) == (
        "BackupInUseException",
        f"Backup is being used to restore another table: {arn}",
    )
    assert desk.refused("DeleteBackup", BackupArn=arn) == (
        "BackupInUseException",
        f"Backup is being used to restore table: {arn}",
    )
    assert desk.refused("DeleteTable", TableName="target")[0] == "ResourceInUseException"
    work(desk)
    assert desk("DescribeTable", TableName="target")["Table"]["TableStatus"] == "ACTIVE"


LATEST = {"UseLatestRestorableTime": True}
RECOVERY = {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"SourceTableName": "tab"},
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
        ),
        (
            {"SourceTableName": "tab", "UseLatestRestorableTime": False},
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
        ),
        (LATEST, "The parameter 'TableName' is required but was not present in the request"),
        (
            {**LATEST, "SourceTableName": "tab", "SourceTableArn": f"{HOME}:table/tab"},
            "Invalid Request: Must provide exactly one of: sourceTableArn, sourceTableName",
        ),
        (
            {**LATEST, "SourceTableArn": "tab"},
            "One or more parameter values were invalid: sourceTableArn is not a valid ARN",
        ),
        (
            {**LATEST, "SourceTableArn": f"{HOME}:table/tab".replace("0" * 12, "1" * 12)},
            "This action is only supported by accounts that match the resource owner\u2019s account.",
        ),
        (
            {**LATEST, "SourceTableName": "tab", "TargetTableName": "ab"},
            "TableName must be at least 3 characters long and at most 255 characters long",
        ),
    ],
    ids=str,
)
def test_requests_for_no_point_in_time(desk: Any, members: dict[str, Any], expected: str) -> None:
    refused = desk.refused("RestoreTableToPointInTime", **{"TargetTableName": "target", **members})
    assert refused == ("ValidationException", expected)


def test_a_point_in_time_is_looked_at_before_the_target(desk: Any) -> None:
    desk.table()
    restore: dict[str, Any] = {"SourceTableName": "tab", "TargetTableName": "tab"}
    assert desk.refused("RestoreTableToPointInTime", **restore, **LATEST) == (
        "PointInTimeRecoveryUnavailableException",
        "Point in time recovery is not enabled for table 'tab'",
    )
    desk("UpdateContinuousBackups", TableName="tab", PointInTimeRecoverySpecification=RECOVERY)
    late = desk.now // 1000 + 3600
    assert desk.refused("RestoreTableToPointInTime", **restore, RestoreDateTime=late) == (
        "InvalidRestoreTimeException",
        "RestoreDateTime '2027-01-15T09:00:00Z' must be within EarliestRestorableDateTime '2027-01-15T08:00:00Z' and "
        "LatestRestorableDateTime '2027-01-15T08:00:00Z'",
    )
    assert (
        desk.refused("RestoreTableToPointInTime", **restore, RestoreDateTime=1e12)[0] == "InvalidRestoreTimeException"
    )
    assert desk.refused("RestoreTableToPointInTime", **restore, **LATEST) == (
        "TableAlreadyExistsException",
        "Table already exists: tab",
    )


def test_a_period_is_of_recovery_that_is_on(desk: Any) -> None:
    off = {"PointInTimeRecoveryEnabled": False, "RecoveryPeriodInDays": 3}
    assert desk.refused("UpdateContinuousBackups", TableName="none", PointInTimeRecoverySpecification=off) == (
        "ValidationException",
        "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
    )
