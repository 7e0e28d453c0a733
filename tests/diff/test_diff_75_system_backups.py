"""A deleted table with point-in-time recovery is a backup at once, and tells of its indexes."""

from __future__ import annotations

import re

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World

TEXT = (
    r"User is not allowed to delete the system backup with arn (arn:\S+:table/leaving/backup/0\d{13}-00000000)\. "
    r"It will automatically expire on \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
)


def test_a_backup_at_once(world: World) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("leaving", "p S", {"by-g": "g S"}, {}))
    recovery = {"PointInTimeRecoveryEnabled": True}
    request = {"TableName": "leaving", "PointInTimeRecoverySpecification": recovery}
    world.must(account, "UpdateContinuousBackups", request)
    world.must(account, "DeleteTable", {"TableName": "leaving"})
    (summary,) = world.must(account, "ListBackups", {"BackupType": "SYSTEM"})["BackupSummaries"]
    arn = {"BackupArn": summary["BackupArn"]}
    described = world.must(account, "DescribeBackup", arn)["BackupDescription"]
    features = described["SourceTableFeatureDetails"]
    assert [each["IndexName"] for each in features["GlobalSecondaryIndexes"]] == ["by-g"]
    refused = world.service.call(account, "DeleteBackup", arn)
    assert refused.error == "ValidationException"
    found = re.fullmatch(TEXT, refused.message)
    assert found is not None
    assert found[1] == summary["BackupArn"]
