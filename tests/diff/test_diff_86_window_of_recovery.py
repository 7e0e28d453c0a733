"""The window of point-in-time recovery ends now; the service's ends five minutes ago."""

from __future__ import annotations

import time

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World


def test_a_table_can_be_restored_as_it_is_now(world: World) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("kept", "p S", {}, {}))
    on = {"PointInTimeRecoveryEnabled": True}
    world.must(account, "UpdateContinuousBackups", {"TableName": "kept", "PointInTimeRecoverySpecification": on})
    time.sleep(1.1)
    described = world.must(account, "DescribeContinuousBackups", {"TableName": "kept"})["ContinuousBackupsDescription"]
    window = described["PointInTimeRecoveryDescription"]
    assert window["LatestRestorableDateTime"] > window["EarliestRestorableDateTime"]
