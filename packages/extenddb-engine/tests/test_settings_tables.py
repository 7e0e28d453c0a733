"""CreateTable, UpdateTable, DeleteTable and time to live: what is refused, what is kept, and the waiting rules."""

from __future__ import annotations

from typing import Any

import pytest

from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import CHORES, STEPS

INVALID = "One or more parameter values were invalid: "
NULL = "failed to satisfy constraint: Member must not be null"
KEY = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
}
FOREIGN = "arn:aws:dynamodb:us-east-1:999999999999:table/tab"
HOUR = 3_600_000


def units(read: int, write: int) -> dict[str, int]:
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write}


def described(desk: Any, name: str = "tab") -> Any:
    return desk("DescribeTable", TableName=name)["Table"]


def provisioned(desk: Any) -> None:
    index = {"IndexName": "inv", "KeySchema": KEY["KeySchema"], "Projection": {"ProjectionType": "ALL"}}
    desk(
        "CreateTable",
        TableName="tab",
        **KEY,
        ProvisionedThroughput=units(10, 10),
        GlobalSecondaryIndexes=[{**index, "ProvisionedThroughput": units(5, 5)}],
    )


def test_a_table_without_key_or_definitions_is_refused(desk: Any) -> None:
    demand = {"TableName": "tab", "BillingMode": "PAY_PER_REQUEST"}
    assert desk.refused("CreateTable", **demand) == (
        "ValidationException",
        f"2 validation errors detected: Value null at 'attributeDefinitions' {NULL}; Value null at 'keySchema' {NULL}",
    )
    definitions = {"AttributeDefinitions": KEY["AttributeDefinitions"]}
    assert desk.refused("CreateTable", **demand, **definitions)[1] == (
        f"1 validation error detected: Value null at 'keySchema' {NULL}"
    )


def test_a_table_may_be_named_by_an_arn(desk: Any) -> None:
    own = FOREIGN.replace("999999999999", "000000000000")
    assert desk.table(FOREIGN) == own  # whose account and region an ARN names does not matter
    for arn in (own, FOREIGN):
        assert described(desk, arn)["TableName"] == "tab"
        assert desk("UpdateTable", TableName=arn, TableClass="STANDARD")["TableDescription"]["TableArn"] == own
        assert desk("DescribeTimeToLive", TableName=arn)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    wrong = "Invalid TableArn: Invalid ResourceArn provided as input "
    for operation in ("CreateTable", "DescribeTable", "DeleteTable"):
        members = KEY if operation == "CreateTable" else {}
        assert desk.refused(operation, TableName=f"{own}/index/inv", **members)[1] == f"{wrong}{own}/index/inv"
        assert desk.refused(operation, TableName="a b", **members)[1].startswith("Invalid table/index name.")
    gone = "Requested resource not found: Table: gone not found"
    for operation in ("DescribeTable", "DeleteTable", "DescribeTimeToLive", "DescribeContributorInsights"):
        assert desk.refused(operation, TableName="gone") == ("ResourceNotFoundException", gone)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"OnDemandThroughput": {"MaxReadRequestUnits": 0}}, "MaxReadRequestUnits must be at least 1"),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": units(1, 1),
                "OnDemandThroughput": {"MaxReadRequestUnits": 5},
            },
            "Neither MaxReadRequestUnits nor MaxWriteRequestUnits can be specified when BillingMode is PROVISIONED",
        ),
        (
            {"WarmThroughput": {"WriteUnitsPerSecond": 3999}},
            "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, "
            "decreasing WarmThroughput is not supported",
        ),
        ({"WarmThroughput": {}}, "At least one of ReadUnitsPerSecond and WriteUnitsPerSecond must be specified"),
        ({"SSESpecification": {"Enabled": True, "SSEType": "AES256"}}, "SSEType AES256 is not supported"),
        (
            {"SSESpecification": {"Enabled": False, "KMSMasterKeyId": "k"}},
            "KMSMasterKeyId can be used only if SSE is enabled and SSEType is KMS",
        ),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "Tag keys starting with aws: are reserved"),
        ({"GlobalTableSourceArn": "tab"}, "GlobalTableSourceArn is no ARN"),
    ],
    ids=str,
)
def test_members_of_create_table_that_cannot_be(desk: Any, members: dict[str, Any], text: str) -> None:
    code, message = desk.refused("CreateTable", TableName="tab", **{**KEY, "BillingMode": "PAY_PER_REQUEST", **members})
    assert (code, message[: len(INVALID + text)]) == ("ValidationException", INVALID + text)
    assert desk("ListTables")["TableNames"] == []


def test_a_replica_of_another_accounts_table_is_not_made(desk: Any) -> None:
    source = desk.table()
    desk.as_account("111111111111")
    assert "not supported" in desk.refused("CreateTable", TableName="tab", GlobalTableSourceArn=source)[1]
    missing = desk.refused("CreateTable", TableName="tab", GlobalTableSourceArn=f"{source}-2")
    assert missing[0] == "ResourceNotFoundException"


def test_capacities_of_a_table_and_an_index_are_kept_and_only_raised(desk: Any) -> None:
    desk.table(OnDemandThroughput={"MaxReadRequestUnits": 5}, GlobalTableSettingsReplicationMode="ENABLED")
    desk("UpdateTable", TableName="tab", OnDemandThroughput={"MaxWriteRequestUnits": -1})
    desk("UpdateTable", TableName="tab", WarmThroughput={"ReadUnitsPerSecond": 13_000})
    update = {"IndexName": "inv", "WarmThroughput": {"WriteUnitsPerSecond": 5_000}}
    desk("UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=[{"Update": update}])
    table = described(desk)
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": -1}
    warm = {"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}
    assert table["WarmThroughput"] == warm
    assert table["GlobalTableSettingsReplicationMode"] == "ENABLED"
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["WarmThroughput"] == {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 5_000, "Status": "ACTIVE"}
    update["WarmThroughput"] = {"WriteUnitsPerSecond": 4_999}
    lower = desk.refused("UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=[{"Update": update}])
    assert lower[1].startswith(f"{INVALID}Requested WriteUnitsPerSecond for WarmThroughput for index: inv is lower")
    code, _ = desk.refused("UpdateTable", TableName="tab", WarmThroughput={"ReadUnitsPerSecond": 12_999})
    assert code == "ValidationException"
    assert described(desk)["WarmThroughput"] == warm


def test_an_update_of_nothing_is_refused(desk: Any) -> None:
    desk.table()
    text = "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or"
    for members in ({}, {"AttributeDefinitions": KEY["AttributeDefinitions"]}):
        code, message = desk.refused("UpdateTable", TableName="tab", **members)
        assert (code, message.startswith(text)) == ("ValidationException", True)


def test_throughput_that_does_not_change_is_refused(desk: Any) -> None:
    provisioned(desk)
    assert desk.refused("UpdateTable", TableName="tab", ProvisionedThroughput=units(10, 10)) == (
        "ValidationException",
        "The provisioned throughput for the table will not change. The requested value equals the current value. "
        "Current ReadCapacityUnits provisioned for the table: 10. Requested ReadCapacityUnits: 10. "
        "Current WriteCapacityUnits provisioned for the table: 10. Requested WriteCapacityUnits: 10. "
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
    )
    same = [{"Update": {"IndexName": "inv", "ProvisionedThroughput": units(5, 5)}}]
    text = desk.refused("UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=same)[1]
    assert text.startswith("The provisioned throughput for the index inv will not change.")


def test_billing_changes_for_the_table_and_its_indexes_together(desk: Any) -> None:
    provisioned(desk)
    desk("UpdateTable", TableName="tab", BillingMode="PAY_PER_REQUEST")
    table = described(desk)
    none = {"NumberOfDecreasesToday": 0, **units(0, 0)}
    assert (table["ProvisionedThroughput"], table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]) == (none, none)
    back = {"TableName": "tab", "BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 2)}
    assert desk.refused("UpdateTable", **back) == (
        "ValidationException",
        f"{INVALID}ProvisionedThroughput is not specified for index: inv",
    )
    update = {"IndexName": "inv", "ProvisionedThroughput": units(3, 4)}
    desk("UpdateTable", **back, GlobalSecondaryIndexUpdates=[{"Update": update}])
    table = described(desk)
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["WriteCapacityUnits"] == 4


def test_streams_and_indexes_that_are_there_or_not(desk: Any) -> None:
    desk.table()
    on = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}}
    off = {"StreamSpecification": {"StreamEnabled": False}}
    assert desk.refused("UpdateTable", TableName="tab", **off)[1] == "Table has no stream to disable: TableName: tab"
    desk("UpdateTable", TableName="tab", **on)
    assert desk.refused("UpdateTable", TableName="tab", **on)[1] == (
        "Table already has an enabled stream: TableName: tab"
    )
    both = desk.refused("UpdateTable", TableName="tab", ProvisionedThroughput=units(1, 1), **off)
    assert both[1] == f"{INVALID}You cannot modify stream status while updating table IOPS"
    gone = [{"Delete": {"IndexName": "none"}}]
    assert desk.refused("UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=gone)[0] == (
        "ResourceNotFoundException"
    )
    create = {"IndexName": "new", "KeySchema": KEY["KeySchema"], "Projection": {"ProjectionType": "ALL"}}
    two = [{"Create": create}, {"Delete": {"IndexName": "inv"}}]
    assert desk.refused("UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=two) == (
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    )


def test_encryption_that_is_as_asked_already(desk: Any) -> None:
    desk.table()
    off, on = {"Enabled": False}, {"Enabled": True, "SSEType": "KMS"}
    assert desk.refused("UpdateTable", TableName="tab", SSESpecification=off)[1] == (
        f"{INVALID}Table is already encrypted by default"
    )
    desk("UpdateTable", TableName="tab", SSESpecification=on)
    assert desk.refused("UpdateTable", TableName="tab", SSESpecification=on)[1] == (
        f"{INVALID}Table is already encrypted by given KMSMasterKeyId"
    )
    desk("UpdateTable", TableName="tab", SSESpecification=off)
    assert "SSEDescription" not in described(desk)


def ttl(attribute: str, enabled: bool = True) -> dict[str, Any]:
    return {"TableName": "tab", "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}


def test_time_to_live_is_switched_on_and_off(desk: Any) -> None:
    desk.table()
    other = "TimeToLive is active on a different AttributeName: current AttributeName is a"
    assert desk.refused("UpdateTimeToLive", **ttl("a", False)) == (
        "ValidationException",
        "TimeToLive is already disabled",
    )
    assert desk("UpdateTimeToLive", **ttl("a"))["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "a"}
    assert desk.refused("UpdateTimeToLive", **ttl("a"))[1] == "TimeToLive is already enabled"
    assert desk.refused("UpdateTimeToLive", **ttl("b"))[1] == other
    assert desk.refused("UpdateTimeToLive", **ttl("b", False))[1] == other
    desk("UpdateTimeToLive", **ttl("a", False))
    desk("UpdateTimeToLive", **ttl("b"))
    assert desk("DescribeTimeToLive", TableName="tab")["TimeToLiveDescription"]["AttributeName"] == "b"


def test_waiting_rule_for_time_to_live(desk: Any) -> None:
    desk.set(strict_waits=True)
    desk.table()
    desk("UpdateTimeToLive", **ttl("a"))
    soon = ("ValidationException", "Time to live has been modified multiple times within a fixed interval")
    desk.now += HOUR - 1
    assert desk.refused("UpdateTimeToLive", **ttl("a", False)) == soon
    desk.now += 1
    desk("UpdateTimeToLive", **ttl("a", False))
    assert desk.refused("UpdateTimeToLive", **ttl("b")) == soon


def test_waiting_rule_for_decreases(desk: Any) -> None:
    desk.now -= desk.now % (24 * HOUR)
    desk.set(strict_waits=True)
    provisioned(desk)
    for write in (9, 8, 7, 6):
        desk("UpdateTable", TableName="tab", ProvisionedThroughput=units(10, write))
    code, text = desk.refused("UpdateTable", TableName="tab", ProvisionedThroughput=units(10, 5))
    assert code == "LimitExceededException"
    assert "Number of decreases today: 4. Last decrease at Friday, January 15, 2027 12:00:00 AM UTC." in text
    desk("UpdateTable", TableName="tab", ProvisionedThroughput=units(11, 6))
    desk.now += HOUR
    desk("UpdateTable", TableName="tab", ProvisionedThroughput=units(10, 5))
    assert described(desk)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 5
    desk.now += 23 * HOUR
    desk("UpdateTable", TableName="tab", ProvisionedThroughput=units(10, 4))
    assert described(desk)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 1


def test_without_the_waiting_rules_nothing_has_to_wait(desk: Any) -> None:
    provisioned(desk)
    for write in range(9, 0, -1):
        desk("UpdateTable", TableName="tab", ProvisionedThroughput=units(10, write))
    for enabled in (True, False, True):
        desk("UpdateTimeToLive", **ttl("a", enabled))
    assert described(desk)["TableStatus"] == "ACTIVE"


def test_one_index_is_built_at_a_time_under_the_waiting_rules(desk: Any) -> None:
    desk.set(strict_waits=True)
    desk.table()

    def update(name: str) -> dict[str, Any]:
        create = {"IndexName": name, "KeySchema": KEY["KeySchema"], "Projection": {"ProjectionType": "ALL"}}
        return {"TableName": "tab", "GlobalSecondaryIndexUpdates": [{"Create": create}]}

    desk("UpdateTable", **update("one"))
    assert desk.refused("UpdateTable", **update("two"))[0] == "LimitExceededException"
    jobs = Jobs(desk.engine.context, STEPS, ())
    while desk.run(jobs.tick):
        pass
    desk("UpdateTable", **update("two"))


def test_statuses_are_shown_for_a_while_under_the_waiting_rules(desk: Any) -> None:
    desk.set(strict_waits=True, delay_seconds=10.0)
    desk.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    table = described(desk)
    assert (table["TableStatus"], table["GlobalSecondaryIndexes"][0]["IndexStatus"]) == ("CREATING", "CREATING")
    in_use = "Attempt to change a resource which is still in use: Table is being {}: tab"
    for operation, members in (("DeleteTable", {}), ("UpdateTable", {"TableClass": "STANDARD"})):
        refused = desk.refused(operation, TableName="tab", **members)
        assert refused == ("ResourceInUseException", in_use.format("created"))
    assert desk.refused("UpdateTimeToLive", **ttl("a")) == ("ResourceInUseException", in_use.format("created"))
    desk.now += 10_000
    assert described(desk)["TableStatus"] == "ACTIVE"
    desk("UpdateTable", TableName="tab", TableClass="STANDARD_INFREQUENT_ACCESS")
    table = described(desk)
    assert (table["TableStatus"], table["GlobalSecondaryIndexes"][0]["IndexStatus"]) == ("UPDATING", "ACTIVE")
    desk.now += 10_000
    jobs = Jobs(desk.engine.context, STEPS, CHORES)
    assert desk("DeleteTable", TableName="tab")["TableDescription"]["TableStatus"] == "DELETING"
    desk.run(jobs.tick)
    assert described(desk)["TableStatus"] == "DELETING"
    assert desk.refused("DeleteTable", TableName="tab")[1] == in_use.format("deleted")
    desk.now += 10_000
    desk.run(jobs.tick)
    assert desk.refused("DescribeTable", TableName="tab")[0] == "ResourceNotFoundException"
    desk.table()
    desk.now += 60_000
    desk.run(jobs.tick)
    assert described(desk)["TableStatus"] == "ACTIVE"
