"""Replicas, auto scaling, and global tables of both versions: settings that are checked, kept and described."""

from __future__ import annotations

from typing import Any

import pytest

INVALID = "One or more parameter values were invalid: "
OFF = {"AutoScalingDisabled": True}
IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
SCALING = {
    "MinimumUnits": 5,
    "MaximumUnits": 50,
    "ScalingPolicyUpdate": {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0}},
}


def update(desk: Any, *replicas: dict[str, Any], **members: Any) -> Any:
    given = {"ReplicaUpdates": list(replicas)} if replicas else {}
    return desk("UpdateTable", TableName="tab", **given, **members)["TableDescription"]


def refused(desk: Any, *replicas: dict[str, Any], **members: Any) -> str:
    given = {"ReplicaUpdates": list(replicas)} if replicas else {}
    code, text = desk.refused("UpdateTable", TableName="tab", **given, **members)
    assert code == "ValidationException"
    return str(text)


def create(region: str, **members: Any) -> dict[str, Any]:
    return {"Create": {"RegionName": region, **members}}


def delete(region: str) -> dict[str, Any]:
    return {"Delete": {"RegionName": region}}


def table(desk: Any) -> Any:
    return desk("DescribeTable", TableName="tab")["Table"]


def test_a_replica_is_added_changed_and_removed(desk: Any) -> None:
    desk.table()
    update(desk, create("eu-west-1", ProvisionedThroughputOverride={"ReadCapacityUnits": 7}))
    assert table(desk)["StreamSpecification"] == IMAGES
    index = {"IndexName": "inv", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 3}}
    change = {
        "RegionName": "eu-west-1",
        "KMSMasterKeyId": "k",
        "TableClassOverride": "STANDARD",
        "GlobalSecondaryIndexes": [index],
    }
    update(desk, {"Update": change})
    described = table(desk)
    assert described["Replicas"] == [
        {
            "RegionName": "eu-west-1",
            "ReplicaStatus": "ACTIVE",
            "ProvisionedThroughputOverride": {"ReadCapacityUnits": 7},
            "KMSMasterKeyId": "k",
            "GlobalSecondaryIndexes": [index],
            "ReplicaTableClassSummary": {"TableClass": "STANDARD", "LastUpdateDateTime": desk.now / 1000},
        }
    ]
    assert (described["GlobalTableVersion"], described["MultiRegionConsistency"]) == ("2019.11.21", "EVENTUAL")
    assert refused(desk, StreamSpecification={"StreamEnabled": False}) == (
        f"{INVALID}Disabling Stream is not allowed for a Global Table replica."
    )
    update(desk, delete("eu-west-1"))
    assert not {"Replicas", "GlobalTableVersion", "MultiRegionConsistency"} & table(desk).keys()
    update(desk, StreamSpecification={"StreamEnabled": False})


def test_replicas_that_cannot_be(desk: Any) -> None:
    desk.table(StreamSpecification=IMAGES)
    label = table(desk)["LatestStreamLabel"]
    local = "Cannot add, delete, or update the local region through ReplicaUpdates."
    unknown = "Update global table operation failed because one or more replicas were not part of the global table."
    assert refused(desk, create("us-east-1")).startswith(local)
    assert refused(desk, delete("eu-west-1")) == unknown
    assert refused(desk, {}).startswith(f"{INVALID}One of ReplicationGroupUpdate.Create")
    assert refused(desk, {**create("eu-west-1"), **delete("eu-west-1")}).startswith(f"{INVALID}One of")
    code, text = desk.refused(
        "UpdateTable",
        TableName="tab",
        ReplicaUpdates=[create("eu-west-1", GlobalSecondaryIndexes=[{"IndexName": "none"}])],
    )
    assert (code, text) == ("ResourceNotFoundException", "Requested resource not found: Index: none not found")
    assert "Replicas" not in table(desk)
    update(desk, create("eu-west-1"))
    assert refused(desk, create("eu-west-1")) == (
        "Failed to create a the new replica of table with name: 'tab' because one or more replicas already existed as "
        "tables."
    )
    assert table(desk)["LatestStreamLabel"] == label
    assert len(desk("ListStreams", TableName="tab")["Streams"]) == 1


def test_a_replica_needs_a_stream_with_both_images(desk: Any) -> None:
    desk.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    assert "both new and old images" in refused(desk, create("eu-west-1"))


def test_strong_consistency_takes_three_places(desk: Any) -> None:
    desk.table()
    strong = {"MultiRegionConsistency": "STRONG"}
    witness = {"GlobalTableWitnessUpdates": [{"Create": {"RegionName": "us-west-2"}}]}
    assert "requires exactly two" in refused(desk, create("us-east-2"), **strong)
    assert "A witness requires" in refused(desk, create("us-east-2"), **witness)
    assert "A witness can only" in refused(desk, **witness)
    assert "first replicas" in refused(desk, **strong)
    assert "StreamSpecification" not in table(desk)
    assert desk("ListStreams")["Streams"] == []
    update(desk, create("us-east-2"), **strong, **witness)
    described = table(desk)
    assert described["MultiRegionConsistency"] == "STRONG"
    assert described["GlobalTableWitnesses"] == [{"RegionName": "us-west-2", "WitnessStatus": "ACTIVE"}]
    assert "one witness only" in refused(desk, **witness)
    gone = {"GlobalTableWitnessUpdates": [{"Delete": {"RegionName": "us-west-1"}}]}
    assert "holds no witness" in refused(desk, **gone)
    assert "requires exactly two" in refused(desk, GlobalTableWitnessUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    update(desk, delete("us-east-2"), GlobalTableWitnessUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    assert "GlobalTableWitnesses" not in table(desk)


def test_disassociation_can_be_prevented(desk: Any) -> None:
    desk.table()
    leave = {"Disassociate": {"RegionName": "eu-west-1", "DisassociationMode": "WAIT_FOR_REPLICATION"}}
    update(desk, create("eu-west-1"), DisassociationProtectionEnabled=True)
    assert "protected against disassociation" in refused(desk, leave)
    update(desk, DisassociationProtectionEnabled=False, GlobalTableSettingsReplicationMode="DISABLED")
    assert table(desk)["GlobalTableSettingsReplicationMode"] == "DISABLED"
    update(desk, leave)
    assert "Replicas" not in table(desk)


def scaling(desk: Any) -> Any:
    return desk("DescribeTableReplicaAutoScaling", TableName="tab")["TableAutoScalingDescription"]["Replicas"]


def test_auto_scaling_is_kept_by_replica_and_index(desk: Any) -> None:
    desk.table()
    update(desk, create("eu-west-1"))
    desk(
        "UpdateTableReplicaAutoScaling",
        TableName="tab",
        ProvisionedWriteCapacityAutoScalingUpdate=SCALING,
        GlobalSecondaryIndexUpdates=[{"IndexName": "inv", "ProvisionedWriteCapacityAutoScalingUpdate": SCALING}],
        ReplicaUpdates=[
            {
                "RegionName": "eu-west-1",
                "ReplicaProvisionedReadCapacityAutoScalingUpdate": SCALING,
                "ReplicaGlobalSecondaryIndexUpdates": [
                    {"IndexName": "inv", "ProvisionedReadCapacityAutoScalingUpdate": OFF}
                ],
            }
        ],
    )
    here, there = scaling(desk)
    assert (here["RegionName"], there["RegionName"]) == ("us-east-1", "eu-west-1")
    assert here["ReplicaProvisionedReadCapacityAutoScalingSettings"] == OFF
    reads = there["ReplicaProvisionedReadCapacityAutoScalingSettings"]
    assert (reads["MinimumUnits"], reads["MaximumUnits"], reads["AutoScalingDisabled"]) == (5, 50, False)
    (policy,) = reads["ScalingPolicies"]
    assert policy["PolicyName"] == "DynamoDBReadCapacityUtilization:table/tab"
    for replica in (here, there):
        assert replica["ReplicaProvisionedWriteCapacityAutoScalingSettings"]["MaximumUnits"] == 50
        (index,) = replica["GlobalSecondaryIndexes"]
        assert index["ProvisionedWriteCapacityAutoScalingSettings"]["MaximumUnits"] == 50
        assert index["ProvisionedReadCapacityAutoScalingSettings"] == OFF


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "ValidationException"),
        ({"ProvisionedWriteCapacityAutoScalingUpdate": {"MinimumUnits": 1}}, "ValidationException"),
        (
            {"ProvisionedWriteCapacityAutoScalingUpdate": {"MinimumUnits": 2, "MaximumUnits": 1}},
            "ValidationException",
        ),
        (
            {"ReplicaUpdates": [{"RegionName": "eu-west-1", "ReplicaProvisionedReadCapacityAutoScalingUpdate": OFF}]},
            "ValidationException",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{"IndexName": "none", "ProvisionedWriteCapacityAutoScalingUpdate": OFF}]},
            "ResourceNotFoundException",
        ),
    ],
    ids=str,
)
def test_auto_scaling_that_cannot_be(desk: Any, members: dict[str, Any], code: str) -> None:
    desk.table()
    before = scaling(desk)
    assert desk.refused("UpdateTableReplicaAutoScaling", TableName="tab", **members)[0] == code
    assert scaling(desk) == before


def group(*regions: str) -> list[dict[str, str]]:
    return [{"RegionName": region} for region in regions]


def test_an_old_global_table_through_its_life(desk: Any) -> None:
    named = {"GlobalTableName": "tab"}
    missing = ("GlobalTableNotFoundException", "Global table with name: 'tab' does not exist.")
    for operation in ("DescribeGlobalTable", "DescribeGlobalTableSettings", "UpdateGlobalTableSettings"):
        assert desk.refused(operation, **named) == missing
    both = {**named, "ReplicationGroup": group("us-east-1", "eu-west-1")}
    assert desk.refused("CreateGlobalTable", **both)[0] == "TableNotFoundException"
    desk.table()
    for wrong in (group(), group("us-east-1", "us-east-1")):
        assert desk.refused("CreateGlobalTable", **named, ReplicationGroup=wrong)[0] == "ValidationException"
    creating = desk("CreateGlobalTable", **both)["GlobalTableDescription"]
    assert creating == {
        "GlobalTableName": "tab",
        "GlobalTableArn": "arn:aws:dynamodb::000000000000:global-table/tab",
        "GlobalTableStatus": "CREATING",
        "CreationDateTime": desk.now / 1000,
        "ReplicationGroup": group("us-east-1", "eu-west-1"),
    }
    assert desk.refused("CreateGlobalTable", **both)[0] == "GlobalTableAlreadyExistsException"
    described = desk("DescribeGlobalTable", **named)["GlobalTableDescription"]
    assert described == {**creating, "GlobalTableStatus": "ACTIVE"}
    codes = {
        desk.refused("UpdateGlobalTable", **named, ReplicaUpdates=[change])[0]
        for change in (create("eu-west-1"), delete("sa-east-1"), {})
    }
    assert codes == {"ReplicaAlreadyExistsException", "ReplicaNotFoundException", "ValidationException"}
    changed = desk("UpdateGlobalTable", **named, ReplicaUpdates=[delete("us-east-1"), create("sa-east-1")])
    assert changed["GlobalTableDescription"]["ReplicationGroup"] == group("eu-west-1", "sa-east-1")
    desk("UpdateGlobalTable", **named, ReplicaUpdates=[delete("eu-west-1"), delete("sa-east-1")])
    assert desk.refused("DescribeGlobalTable", **named) == missing


def test_regions_that_are_kept_apart_have_tables_of_their_own(desk: Any) -> None:
    desk.set(partition_by_region=True)
    desk.table()
    code, text = desk.refused("CreateGlobalTable", GlobalTableName="tab", ReplicationGroup=group("eu-west-1"))
    assert (code, text) == ("TableNotFoundException", "Table 'tab' in region 'eu-west-1' does not exist.")


def test_old_global_tables_are_listed_by_pages_region_and_account(desk: Any) -> None:
    for number in range(5):
        desk.table(f"tab{number}")
        regions = group("us-east-1", "eu-west-1") if number % 2 else group("us-east-1")
        desk("CreateGlobalTable", GlobalTableName=f"tab{number}", ReplicationGroup=regions)
    first = desk("ListGlobalTables", Limit=3)
    assert [one["GlobalTableName"] for one in first["GlobalTables"]] == ["tab0", "tab1", "tab2"]
    rest = desk("ListGlobalTables", Limit=3, ExclusiveStartGlobalTableName=first["LastEvaluatedGlobalTableName"])
    assert [one["GlobalTableName"] for one in rest["GlobalTables"]] == ["tab3", "tab4"]
    assert "LastEvaluatedGlobalTableName" not in rest
    there = desk("ListGlobalTables", RegionName="eu-west-1")["GlobalTables"]
    assert [one["GlobalTableName"] for one in there] == ["tab1", "tab3"]
    desk.as_account("111111111111")
    assert desk("ListGlobalTables")["GlobalTables"] == []


def test_settings_of_an_old_global_table(desk: Any) -> None:
    desk.table()
    named = {"GlobalTableName": "tab"}
    desk("CreateGlobalTable", **named, ReplicationGroup=group("us-east-1", "eu-west-1"))
    answer = desk(
        "UpdateGlobalTableSettings",
        **named,
        GlobalTableBillingMode="PROVISIONED",
        GlobalTableProvisionedWriteCapacityUnits=9,
        GlobalTableGlobalSecondaryIndexSettingsUpdate=[{"IndexName": "inv", "ProvisionedWriteCapacityUnits": 8}],
        ReplicaSettingsUpdate=[
            {
                "RegionName": "eu-west-1",
                "ReplicaProvisionedReadCapacityUnits": 7,
                "ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate": SCALING,
                "ReplicaGlobalSecondaryIndexSettingsUpdate": [{"IndexName": "inv", "ProvisionedReadCapacityUnits": 6}],
                "ReplicaTableClass": "STANDARD_INFREQUENT_ACCESS",
            }
        ],
    )
    assert answer == desk("DescribeGlobalTableSettings", **named)
    here, there = answer["ReplicaSettings"]
    assert here["ReplicaProvisionedReadCapacityUnits"] == 0
    assert there["ReplicaProvisionedReadCapacityUnits"] == 7
    assert there["ReplicaProvisionedReadCapacityAutoScalingSettings"]["MaximumUnits"] == 50
    assert there["ReplicaTableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert "ReplicaTableClassSummary" not in here
    for replica, reads in ((here, 0), (there, 6)):
        assert replica["ReplicaBillingModeSummary"] == {"BillingMode": "PROVISIONED"}
        assert replica["ReplicaProvisionedWriteCapacityUnits"] == 9
        (index,) = replica["ReplicaGlobalSecondaryIndexSettings"]
        assert (index["ProvisionedReadCapacityUnits"], index["ProvisionedWriteCapacityUnits"]) == (reads, 8)
    unknown = {"RegionName": "sa-east-1", "ReplicaProvisionedReadCapacityUnits": 1}
    assert desk.refused("UpdateGlobalTableSettings", **named, ReplicaSettingsUpdate=[unknown])[0] == (
        "ReplicaNotFoundException"
    )
    index = [{"IndexName": "none", "ProvisionedWriteCapacityUnits": 8}]
    code, _ = desk.refused("UpdateGlobalTableSettings", **named, GlobalTableGlobalSecondaryIndexSettingsUpdate=index)
    assert code == "IndexNotFoundException"
