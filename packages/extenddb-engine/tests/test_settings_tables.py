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


def updated(desk: Any, **members: Any) -> Any:
    return desk("UpdateTable", TableName="tab", **members)["TableDescription"]


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
        assert desk.refused(operation, TableName="a b", **members)[1] == (
            "1 validation error detected: Value 'a b' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
        assert desk.refused(operation, TableName="a" * 256, **members)[1].endswith(
            "' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255"
        )
    gone = "Requested resource not found: Table: gone not found"
    for operation in ("DescribeTable", "DeleteTable", "DescribeTimeToLive", "DescribeContributorInsights"):
        assert desk.refused(operation, TableName="gone") == ("ResourceNotFoundException", gone)


ONE = units(1, 1)
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
READS = "MaxReadRequestUnits for OnDemandThroughput for"
INITIAL = (
    "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
)
QUOTA = "Subscriber limit exceeded: Requested {} exceeds TableMaxReadCapacityUnits of the account in region us-east-1"


def gsi(**members: Any) -> dict[str, Any]:
    """Return members of a request that creates a table with an index."""
    index = {"IndexName": "inv", "KeySchema": KEY["KeySchema"], "Projection": {"ProjectionType": "ALL"}, **members}
    return {"GlobalSecondaryIndexes": [index]}


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"OnDemandThroughput": {"MaxReadRequestUnits": 0}}, f"Requested {READS} table is outside of valid range"),
        ({"OnDemandThroughput": {"MaxReadRequestUnits": -1}}, f"Requested {READS} table is outside of valid range"),
        (
            gsi(OnDemandThroughput={"MaxReadRequestUnits": 0}),
            f"Requested {READS} index : inv is outside of valid range",
        ),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": ONE,
                "OnDemandThroughput": {"MaxReadRequestUnits": 5},
            },
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.",
        ),
        (
            {"WarmThroughput": {"WriteUnitsPerSecond": 3999}},
            f"Requested WriteUnitsPerSecond for WarmThroughput for table is lower than {INITIAL}",
        ),
        (
            gsi(WarmThroughput={"ReadUnitsPerSecond": 11999}),
            f"Requested ReadUnitsPerSecond for WarmThroughput for index inv is lower than {INITIAL}",
        ),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": units(5, 5),
                "WarmThroughput": {"ReadUnitsPerSecond": 4},
            },
            "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than ReadCapacityUnits of "
            "ProvisionedThroughput",
        ),
        ({"SSESpecification": {"Enabled": True, "SSEType": "AES256"}}, "SSEType AES256 is not supported"),
        (
            {"SSESpecification": {"Enabled": False, "KMSMasterKeyId": "k"}},
            "KMSMasterKeyId can not be specified if Enabled is false",
        ),
        (
            {"SSESpecification": {"Enabled": False, "SSEType": "KMS", "KMSMasterKeyId": "k"}},
            "SSEType can not be specified if Enabled is false",
        ),
        (
            {"SSESpecification": {"Enabled": True, "KMSMasterKeyId": "k"}},
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True}},
            "Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        ),
        ({"GlobalTableSourceArn": "tab"}, "GlobalTableSourceArn is no ARN"),
    ],
    ids=str,
)
def test_members_of_create_table_that_cannot_be(desk: Any, members: dict[str, Any], text: str) -> None:
    code, message = desk.refused("CreateTable", TableName="tab", **{**KEY, **ON_DEMAND, **members})
    assert (code, message) == ("ValidationException", INVALID + text)
    assert desk("ListTables")["TableNames"] == []


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (
            {"Tags": [{"Key": "aws:x", "Value": ""}]},
            "Tag Key cannot be prefixed with aws:, Key: aws:x",
        ),
        (
            {"TableClass": "COLD"},
            "Invalid table-class parameter provided. Please try again with a valid table-class value: "
            "[STANDARD, STANDARD_INFREQUENT_ACCESS].",
        ),
        (
            {"AttributeDefinitions": 2 * KEY["AttributeDefinitions"]},
            "Attribute Name is duplicated: pk",
        ),
    ],
    ids=str,
)
def test_words_without_the_usual_ones_before_them(desk: Any, members: dict[str, Any], text: str) -> None:
    refused = desk.refused("CreateTable", TableName="tab", **{**KEY, **ON_DEMAND, **members})
    assert refused == ("ValidationException", text)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (
            {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(40_001, 1)},
            "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in us-east-1. "
            "Per table maximum: 40000. Refer to the Amazon DynamoDB Developer Guide for current limits and how to "
            "request higher limits.",
        ),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 40_001}},
            QUOTA.format("MaxReadRequestUnits for OnDemandThroughput for table"),
        ),
        (
            gsi(WarmThroughput={"ReadUnitsPerSecond": 40_001}),
            QUOTA.format("ReadUnitsPerSecond for WarmThroughput for index inv"),
        ),
    ],
    ids=str,
)
def test_a_table_has_no_more_than_the_quotas_of_its_account(desk: Any, members: dict[str, Any], text: str) -> None:
    refused = desk.refused("CreateTable", TableName="tab", **{**KEY, **ON_DEMAND, **members})
    assert refused == ("LimitExceededException", text)


@pytest.mark.parametrize("empty", ["WarmThroughput", "OnDemandThroughput", "SSESpecification"])
def test_nothing_may_be_asked_for_when_a_table_is_created(desk: Any, empty: str) -> None:
    desk.table(**{empty: {}})
    table = described(desk)
    assert not {"OnDemandThroughput", "SSEDescription"} & table.keys()
    assert table["WarmThroughput"] == {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}


def test_a_replica_of_another_accounts_table_is_not_made(desk: Any) -> None:
    source = desk.table()
    desk.as_account("111111111111")
    assert "not supported" in desk.refused("CreateTable", TableName="tab", GlobalTableSourceArn=source)[1]
    missing = desk.refused("CreateTable", TableName="tab", GlobalTableSourceArn=f"{source}-2")
    assert missing == (  # the operation's model lists no error for what is not there
        "ValidationException",
        f"One or more parameter values were invalid: GlobalTableSourceArn names no table: {source}-2",
    )


def test_capacities_of_a_table_and_an_index_are_kept_and_only_raised(desk: Any) -> None:
    desk.table(OnDemandThroughput={"MaxReadRequestUnits": 5}, GlobalTableSettingsReplicationMode="ENABLED")
    limits = {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}
    assert updated(desk, OnDemandThroughput={"MaxWriteRequestUnits": 6})["OnDemandThroughput"] == limits
    lifted = {**limits, "MaxReadRequestUnits": -1}
    assert updated(desk, OnDemandThroughput={"MaxReadRequestUnits": -1})["OnDemandThroughput"] == lifted
    assert described(desk)["OnDemandThroughput"] == {"MaxWriteRequestUnits": 6}
    updated(desk, OnDemandThroughput={"MaxWriteRequestUnits": -1})
    assert "OnDemandThroughput" not in described(desk)
    first = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
    warming = updated(desk, WarmThroughput={"ReadUnitsPerSecond": 13_000})
    assert (warming["WarmThroughput"], warming["TableStatus"]) == ({**first, "Status": "UPDATING"}, "ACTIVE")
    update = {"IndexName": "inv", "WarmThroughput": {"WriteUnitsPerSecond": 5_000}}
    (index,) = updated(desk, GlobalSecondaryIndexUpdates=[{"Update": update}])["GlobalSecondaryIndexes"]
    assert index["WarmThroughput"] == {**first, "Status": "UPDATING"}
    table = described(desk)
    warm = {**first, "ReadUnitsPerSecond": 13_000, "Status": "ACTIVE"}
    assert table["WarmThroughput"] == warm
    assert table["GlobalTableSettingsReplicationMode"] == "ENABLED"
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["WarmThroughput"] == {**first, "WriteUnitsPerSecond": 5_000, "Status": "ACTIVE"}
    update["WarmThroughput"] = {"WriteUnitsPerSecond": 4_999}
    lower = "is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
    assert desk.refused("UpdateTable", TableName="tab", GlobalSecondaryIndexUpdates=[{"Update": update}])[1] == (
        f"{INVALID}Requested WriteUnitsPerSecond for WarmThroughput for index inv {lower}"
    )
    assert desk.refused("UpdateTable", TableName="tab", WarmThroughput={"ReadUnitsPerSecond": 12_999})[1] == (
        f"{INVALID}Requested ReadUnitsPerSecond for WarmThroughput for table {lower}"
    )
    assert described(desk)["WarmThroughput"] == warm


NOTHING = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, "
    "SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, "
    "DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"
)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"AttributeDefinitions": KEY["AttributeDefinitions"]},
        {"GlobalSecondaryIndexUpdates": []},
        {"WarmThroughput": {}},
        {"OnDemandThroughput": {}},
    ],
    ids=str,
)
def test_an_update_of_nothing_is_refused_whatever_the_table(desk: Any, members: dict[str, Any]) -> None:
    assert desk.refused("UpdateTable", TableName="none", **members) == ("ValidationException", NOTHING)


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
    now = desk.now / 1000
    none = {"NumberOfDecreasesToday": 0, **units(0, 0)}
    going = updated(desk, BillingMode="PAY_PER_REQUEST")
    assert going["ProvisionedThroughput"] == {**none, "LastDecreaseDateTime": now}
    assert going["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    table = described(desk)
    assert table["ProvisionedThroughput"] == none
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] == {
        **none,
        "NumberOfDecreasesToday": 1,
        "LastDecreaseDateTime": now,
    }
    assert table["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000
    assert table["BillingModeSummary"] == {
        "BillingMode": "PAY_PER_REQUEST",
        "LastUpdateToPayPerRequestDateTime": now,
    }
    back = {"TableName": "tab", "BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 2)}
    assert desk.refused("UpdateTable", **back) == (
        "ValidationException",
        f"{INVALID}ProvisionedThroughput must be specified for index: inv",
    )
    update = {"IndexName": "inv", "ProvisionedThroughput": units(3, 4)}
    desk("UpdateTable", **back, GlobalSecondaryIndexUpdates=[{"Update": update}])
    table = described(desk)
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["WriteCapacityUnits"] == 4
    assert table["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000


def test_the_answer_to_other_units_still_has_the_old_ones(desk: Any) -> None:
    provisioned(desk)
    now = desk.now / 1000
    changing = updated(desk, ProvisionedThroughput=units(20, 5))
    times = {"LastIncreaseDateTime": now, "LastDecreaseDateTime": now}
    assert changing["TableStatus"] == "UPDATING"
    assert changing["ProvisionedThroughput"] == {**units(10, 10), "NumberOfDecreasesToday": 0, **times}
    table = described(desk)
    assert table["ProvisionedThroughput"] == {**units(20, 5), "NumberOfDecreasesToday": 1, **times}
    warm = {"ReadUnitsPerSecond": 20, "WriteUnitsPerSecond": 10, "Status": "ACTIVE"}
    assert (table["TableStatus"], table["WarmThroughput"]) == ("ACTIVE", warm)


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
    for none in (off, {}):
        assert desk.refused("UpdateTable", TableName="tab", SSESpecification=none)[1] == (
            f"{INVALID}Table is already encrypted by default"
        )
    enabling = updated(desk, SSESpecification=on)
    key = enabling["SSEDescription"]["KMSMasterKeyArn"]
    assert key.startswith("arn:aws:kms:us-east-1:000000000000:key/")
    assert (enabling["SSEDescription"]["Status"], enabling["TableStatus"]) == ("UPDATING", "ACTIVE")
    assert described(desk)["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    updated(desk, SSESpecification=on)
    assert desk.refused("UpdateTable", TableName="tab", SSESpecification={**on, "KMSMasterKeyId": key})[1] == (
        f"{INVALID}Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to "
        "change Master Key"
    )
    disabling = updated(desk, SSESpecification=off)
    assert disabling["SSEDescription"] == {"Status": "UPDATING", "SSEType": "KMS", "KMSMasterKeyArn": key}
    assert "SSEDescription" not in described(desk)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"SSESpecification": {"Enabled": True}, "TableClass": "STANDARD"}, "Server-Side Encryption modification"),
        ({"TableClass": "STANDARD", "DeletionProtectionEnabled": True}, "TableClass modification"),
        ({"DeletionProtectionEnabled": True, "BillingMode": "PAY_PER_REQUEST"}, "DeletionProtection modification"),
        ({"WarmThroughput": {"ReadUnitsPerSecond": 1}, "BillingMode": "PAY_PER_REQUEST"}, "WarmThroughput"),
    ],
    ids=str,
)
def test_some_changes_stand_alone(desk: Any, members: dict[str, Any], text: str) -> None:
    assert desk.refused("UpdateTable", TableName="none", **members) == (
        "ValidationException",
        f"{INVALID}{text} must be the only operation in the request",
    )


NEW_INDEX = [{"Create": {"IndexName": "new", "KeySchema": KEY["KeySchema"], "Projection": {"ProjectionType": "ALL"}}}]
STREAM = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (
            {"ProvisionedThroughput": ONE, "GlobalSecondaryIndexUpdates": NEW_INDEX},
            "You cannot create or delete index while updating table IOPS",
        ),
        (
            {"StreamSpecification": STREAM, "GlobalSecondaryIndexUpdates": NEW_INDEX},
            "You cannot create or delete index while changing stream status",
        ),
        (
            {"StreamSpecification": STREAM, "ProvisionedThroughput": ONE},
            "You cannot modify stream status while updating table IOPS",
        ),
        (
            {"StreamSpecification": STREAM, "OnDemandThroughput": {"MaxReadRequestUnits": 1}},
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        (
            {"WarmThroughput": {"ReadUnitsPerSecond": 1}, "GlobalSecondaryIndexUpdates": NEW_INDEX},
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ),
        ({"BillingMode": "PROVISIONED"}, "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"),
        (
            {"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": ONE},
            "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"BillingMode": "PAY_PER_REQUEST", "GlobalSecondaryIndexUpdates": []},
            "List of GlobalSecondaryIndexUpdates is empty",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{}]},
            "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
            "GlobalSecondaryIndexUpdate.Delete must not be null",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{**NEW_INDEX[0], "Delete": {"IndexName": "new"}}]},
            "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [*NEW_INDEX, {"Delete": {"IndexName": "new"}}]},
            "Only one global secondary index update per index is allowed simultaneously. Index: new",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "inv", "WarmThroughput": {}}}]},
            "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: "
            "inv",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True}},
            "If stream is being enabled then UpdateViewType is required",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
            "If stream is being disabled, then UpdateViewType must not be specified",
        ),
    ],
    ids=str,
)
def test_what_no_table_could_follow_is_told_first(desk: Any, members: dict[str, Any], text: str) -> None:
    assert desk.refused("UpdateTable", TableName="none", **members) == ("ValidationException", INVALID + text)


def test_the_class_of_a_table(desk: Any) -> None:
    desk.table()
    same = updated(desk, TableClass="STANDARD")
    assert same["TableStatus"] == "UPDATING"
    assert "TableClassSummary" not in described(desk)
    assert "TableClassSummary" not in updated(desk, TableClass="STANDARD_INFREQUENT_ACCESS")
    assert described(desk)["TableClassSummary"] == {
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "LastUpdateDateTime": desk.now / 1000,
    }


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
    assert text == (
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the "
        "first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 "
        "seconds. Number of decreases today: 4. Last decrease at Friday, January 15, 2027 at 12:00:00 AM Coordinated "
        "Universal Time. Next decrease can be made at Friday, January 15, 2027 at 1:00:00 AM Coordinated Universal Time"
    )
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
    assert desk.refused("UpdateTimeToLive", **ttl("a")) == (
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table tab is being created",
    )
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
