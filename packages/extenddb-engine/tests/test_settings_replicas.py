"""Replicas, auto scaling, and global tables of both versions: settings that are checked, kept and described."""

from __future__ import annotations

from typing import Any

import pytest

INVALID = "One or more parameter values were invalid: "
IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
SCALING: dict[str, Any] = {
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


WARM = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}
PLAIN = {
    "ReplicaStatus": "ACTIVE",
    "WarmThroughput": WARM,
    "GlobalTableSettingsReplicationMode": "ENABLED_WITH_OVERRIDES",
}


def test_a_replica_is_added_changed_and_removed(desk: Any) -> None:
    desk.table()
    adding = update(desk, create("eu-west-1", ProvisionedThroughputOverride={"ReadCapacityUnits": 7}))
    assert (adding["TableStatus"], adding["Replicas"], adding["GlobalTableVersion"]) == ("UPDATING", [], "2019.11.21")
    assert table(desk)["StreamSpecification"] == adding["StreamSpecification"] == IMAGES
    index = {"IndexName": "inv", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 3}}
    change = {"RegionName": "eu-west-1", "TableClassOverride": "STANDARD", "GlobalSecondaryIndexes": [index]}
    changing = update(desk, {"Update": change})
    assert "ReplicaTableClassSummary" not in changing["Replicas"][0]
    described = table(desk)
    assert described["Replicas"] == [
        {
            "RegionName": "eu-west-1",
            **PLAIN,
            "ProvisionedThroughputOverride": {"ReadCapacityUnits": 7},
            "GlobalSecondaryIndexes": [{**index, "WarmThroughput": WARM}],
            "ReplicaTableClassSummary": {"TableClass": "STANDARD", "LastUpdateDateTime": desk.now / 1000},
        }
    ]
    assert described["GlobalTableSettingsReplicationMode"] == "ENABLED_WITH_OVERRIDES"
    assert "MultiRegionConsistency" not in described
    assert refused(desk, StreamSpecification={"StreamEnabled": False}) == (
        f"{INVALID}Disabling Stream is not allowed for a Global Table replica."
    )
    removing = update(desk, delete("eu-west-1"))
    assert (removing["GlobalTableVersion"], removing["Replicas"][0]["ReplicaStatus"]) == ("2019.11.21", "ACTIVE")
    gone = {"Replicas", "GlobalTableVersion", "MultiRegionConsistency", "GlobalTableSettingsReplicationMode"}
    assert not gone & table(desk).keys()
    update(desk, StreamSpecification={"StreamEnabled": False})


def test_an_override_by_what_the_table_has_is_none(desk: Any) -> None:
    desk.table(OnDemandThroughput={"MaxReadRequestUnits": 5})
    update(desk, create("eu-west-1", OnDemandThroughputOverride={"MaxReadRequestUnits": 9}))
    assert table(desk)["Replicas"][0]["OnDemandThroughputOverride"] == {"MaxReadRequestUnits": 9}
    back = {"RegionName": "eu-west-1", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 5}}
    update(desk, {"Update": back})
    assert "OnDemandThroughputOverride" not in table(desk)["Replicas"][0]


LOCAL = (
    "Cannot add or delete the local region through ReplicaUpdates. "
    "Use CreateTable, DeleteTable, or UpdateTable as required."
)
NOT_MEMBER = (
    "Update global table operation failed because one or more replicas were not part of the global table. "
    "Please retry the request without these replicas: [eu-west-1]."
)
NO_ACTIONS = "There are no actions specified in the Replica Update Action of the request."
ONLY = f"{INVALID}Replica modification must be the only operation in the request"


@pytest.mark.parametrize(
    ("replicas", "members", "text"),
    [
        ([create("us-east-1")], {}, LOCAL),
        ([delete("us-east-1")], {}, LOCAL),
        ([delete("eu-west-1")], {}, NOT_MEMBER),
        ([{"Update": {"RegionName": "eu-west-1", "TableClassOverride": "STANDARD"}}], {}, NOT_MEMBER),
        ([{}], {}, NO_ACTIONS),
        ([{"Create": {}}], {}, "One or more parameter values were invalid"),
        ([{"Update": {"RegionName": "eu-west-1"}}], {}, NO_ACTIONS),
        ([{"Update": {"RegionName": "eu-west-1", "GlobalSecondaryIndexes": [{"IndexName": "inv"}]}}], {}, NO_ACTIONS),
        (
            [{**create("eu-west-1"), **delete("eu-west-1")}],
            {},
            "Update table operation with more than one type of replica actions not allowed.",
        ),
        (
            [create("eu-west-1"), create("eu-west-2")],
            {},
            "Update table operation with more than one create or delete replica actions not allowed",
        ),
        ([create("eu-west-1")], {"StreamSpecification": IMAGES}, ONLY),
        ([create("eu-west-1")], {"DeletionProtectionEnabled": True}, ONLY),
        ([create("eu-west-1", KMSMasterKeyId="k")], {}, f"{INVALID}KMSMasterKeyId must be specified for each replica."),
        (
            [],
            {"GlobalTableSettingsReplicationMode": "ENABLED_WITH_OVERRIDES"},
            "Value 'ENABLED_WITH_OVERRIDES' at 'GlobalTableSettingsReplicationMode' failed to satisfy constraint: "
            "Only ENABLED and DISABLED settings replication are supported for a Regional Table.",
        ),
    ],
    ids=str,
)
def test_replicas_that_cannot_be(desk: Any, replicas: list[dict[str, Any]], members: dict[str, Any], text: str) -> None:
    desk.table()
    assert refused(desk, *replicas, **members) == text
    assert not {"Replicas", "StreamSpecification"} & table(desk).keys()


def test_a_replica_is_added_once(desk: Any) -> None:
    desk.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    label = table(desk)["LatestStreamLabel"]
    update(desk, create("eu-west-1"), create("eu-west-1"))
    assert refused(desk, create("eu-west-1", GlobalSecondaryIndexes=[{"IndexName": "none"}])) == (
        "Failed to create a the new replica of table with name: ‘tab’ because one or more replicas already existed as "
        "tables."
    )
    unknown = {"RegionName": "eu-west-1", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 7}}
    assert refused(desk, {"Update": unknown}) == (
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
    )
    assert [one["RegionName"] for one in table(desk)["Replicas"]] == ["eu-west-1"]
    assert table(desk)["LatestStreamLabel"] == label
    assert table(desk)["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"


@pytest.mark.parametrize(
    ("table_key", "replica_key", "text"),
    [
        ("k", None, "KMSMasterKeyId must be specified for each replica."),
        ("k", "alias/aws/dynamodb", "All replica keys must either be Customer Managed CMK or AWS Managed CMK."),
        ("k", "r", None),
        ("alias/aws/dynamodb", None, None),
        ("alias/aws/dynamodb", "r", "All replica keys must either be Customer Managed CMK or AWS Managed CMK."),
    ],
)
def test_keys_of_replicas_go_with_the_tables(
    desk: Any, table_key: str, replica_key: str | None, text: str | None
) -> None:
    desk.table(SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": table_key})
    adding = create("eu-west-1", **({} if replica_key is None else {"KMSMasterKeyId": replica_key}))
    if text is not None:
        assert refused(desk, adding) == f"{INVALID}{text}"
        return
    update(desk, adding)
    expected = None if replica_key is None else "arn:aws:kms:eu-west-1:000000000000:key/r"
    assert table(desk)["Replicas"][0].get("KMSMasterKeyId") == expected
    other = {"RegionName": "eu-west-1", "KMSMasterKeyId": "k2"}
    assert refused(desk, {"Update": other}) == f"{INVALID}KMSMasterKeyId must be specified for each replica."


STRONG = {"MultiRegionConsistency": "STRONG"}
COUNT = "Unsupported replica count for global tables with MultiRegionConsistency set to STRONG."


def witness(kind: str, region: str) -> dict[str, Any]:
    return {"GlobalTableWitnessUpdates": [{kind: {"RegionName": region}}]}


@pytest.mark.parametrize(
    ("replicas", "members", "text"),
    [
        ([create("us-east-2")], STRONG, COUNT),
        (
            [create("us-east-2")],
            witness("Create", "us-west-2"),
            "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present.",
        ),
        (
            [create("us-east-2")],
            {**STRONG, **witness("Create", "us-east-2")},
            "Cannot target multiple regions with the same action",
        ),
        (
            [create("us-east-2")],
            {**STRONG, **witness("Create", "us-east-1")},
            "Cannot add a witness in the same region as an existing replica when creating a global table with "
            "MultiRegionConsistency set to STRONG.",
        ),
        (
            [create("us-east-2")],
            {**STRONG, **witness("Create", "us-west-2"), "BillingMode": "PAY_PER_REQUEST"},
            f"{INVALID}Requests that modify replicas or witnesses must not also modify other fields",
        ),
    ],
    ids=str,
)
def test_strong_consistency_takes_three_places(
    desk: Any, replicas: list[dict[str, Any]], members: dict[str, Any], text: str
) -> None:
    desk.table()
    assert refused(desk, *replicas, **members) == text
    assert "StreamSpecification" not in table(desk)
    assert desk("ListStreams")["Streams"] == []


@pytest.mark.parametrize("members", [STRONG, witness("Create", "us-west-2")], ids=str)
def test_consistency_alone_asks_for_nothing(desk: Any, members: dict[str, Any]) -> None:
    desk.table()
    assert refused(desk, **members).startswith("At least one of ProvisionedThroughput, BillingMode, ")


def test_a_table_with_strong_consistency_is_made_and_dissolved_whole(desk: Any) -> None:
    desk.table()
    update(desk, create("us-east-2"), **STRONG, **witness("Create", "us-west-2"))
    described = table(desk)
    assert described["MultiRegionConsistency"] == "STRONG"
    assert described["GlobalTableWitnesses"] == [{"RegionName": "us-west-2", "WitnessStatus": "ACTIVE"}]
    assert refused(desk, create("eu-west-1")) == (
        "Cannot add replicas to a global table with strong MultiRegionConsistency"
    )
    assert refused(desk, create("eu-west-1"), **STRONG) == COUNT
    assert refused(desk, create("eu-west-1"), MultiRegionConsistency="EVENTUAL") == (
        "MultiRegionConsistency parameter is unsupported on existing global table"
    )
    assert refused(desk, delete("us-east-2"), **STRONG) == (
        "Only Replica Create actions are supported when MultiRegionConsistency parameter is provided."
    )
    assert refused(desk, delete("us-east-2")) == "Update table delete operation does not include all witnesses."
    assert refused(desk, delete("us-east-2"), **witness("Delete", "eu-west-1")) == (
        "Update global table operation failed because one or more witnesses were not part of the global table. "
        "Please retry the request without these witnesses: [eu-west-1]."
    )
    assert desk.refused("DeleteTable", TableName="tab")[1] == (
        "Deletion of only one table replica is not supported for global tables with MultiRegionConsistency set to "
        "STRONG."
    )
    update(desk, delete("us-east-2"), **witness("Delete", "us-west-2"))
    assert not {"GlobalTableWitnesses", "MultiRegionConsistency", "Replicas"} & table(desk).keys()


def test_two_replicas_with_strong_consistency_go_together(desk: Any) -> None:
    desk.table()
    update(desk, create("us-east-2"), create("us-west-2"), **STRONG)
    assert refused(desk, delete("us-east-2")).startswith("Deletion of only one table replica is not supported")
    update(desk, delete("us-east-2"), delete("us-west-2"))
    assert "Replicas" not in table(desk)


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


OFF = {"AutoScalingDisabled": True, "ScalingPolicies": []}
WRITES = "ProvisionedWriteCapacityAutoScalingUpdate"
ROLE = (
    "arn:aws:iam::000000000000:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
)


def scaled(direction: str, name: str) -> dict[str, Any]:
    policy = {"PolicyName": f"DynamoDB{direction}CapacityUtilization:table/{name}", **SCALING["ScalingPolicyUpdate"]}
    return {"MinimumUnits": 5, "MaximumUnits": 50, "AutoScalingRoleArn": ROLE, "ScalingPolicies": [policy]}


def provisioned(desk: Any) -> None:
    units = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}
    index = {"IndexName": "inv", "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}], **units}
    desk.table(
        BillingMode="PROVISIONED",
        **units,
        GlobalSecondaryIndexes=[{**index, "Projection": {"ProjectionType": "ALL"}}],
    )
    update(desk, create("eu-west-1"))


def test_auto_scaling_is_kept_by_replica_and_index(desk: Any) -> None:
    provisioned(desk)
    answer = desk(
        "UpdateTableReplicaAutoScaling",
        TableName="tab",
        ProvisionedWriteCapacityAutoScalingUpdate=SCALING,
        GlobalSecondaryIndexUpdates=[{"IndexName": "inv", WRITES: SCALING}],
        ReplicaUpdates=[
            {
                "RegionName": "eu-west-1",
                "ReplicaProvisionedReadCapacityAutoScalingUpdate": SCALING,
                "ReplicaGlobalSecondaryIndexUpdates": [
                    {"IndexName": "inv", "ProvisionedReadCapacityAutoScalingUpdate": {"AutoScalingDisabled": True}}
                ],
            }
        ],
    )
    before = answer["TableAutoScalingDescription"]["Replicas"]
    assert {each["ReplicaProvisionedWriteCapacityAutoScalingSettings"]["AutoScalingDisabled"] for each in before} == {
        True
    }
    there, here = scaling(desk)
    assert (there["RegionName"], here["RegionName"]) == ("eu-west-1", "us-east-1")
    assert here["ReplicaProvisionedReadCapacityAutoScalingSettings"] == OFF
    assert there["ReplicaProvisionedReadCapacityAutoScalingSettings"] == scaled("Read", "tab")
    for replica in (here, there):
        assert replica["ReplicaProvisionedWriteCapacityAutoScalingSettings"] == scaled("Write", "tab")
        assert replica["GlobalSecondaryIndexes"] == [
            {
                "IndexName": "inv",
                "IndexStatus": "ACTIVE",
                "ProvisionedReadCapacityAutoScalingSettings": OFF,
                "ProvisionedWriteCapacityAutoScalingSettings": scaled("Write", "tab/index/inv"),
            }
        ]


FAILED = "Failed to update settings for global table with name: ‘tab’"
NEEDED = "are required unless auto scaling is being disabled."
TARGET = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 90.1}}


def reads(region: str, **members: Any) -> dict[str, Any]:
    return {"RegionName": region, **members}


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({}, "ValidationException", f"{FAILED} because at least one update parameter must be specified."),
        (
            {"ReplicaUpdates": [reads("us-west-2")]},
            "ValidationException",
            f"{FAILED} because at least one update parameter must be specified for region: ‘us-west-2’.",
        ),
        (
            {"ReplicaUpdates": [reads("us-west-2"), reads("us-west-2")]},
            "ValidationException",
            f"{FAILED} because the regions: ‘[us-west-2]’ were specified more than once.",
        ),
        (
            {WRITES: {}},
            "ValidationException",
            f"{FAILED}: Parameters 'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits' {NEEDED}",
        ),
        (
            {WRITES: {"MinimumUnits": 1, "MaximumUnits": 2}},
            "ValidationException",
            f"{FAILED}: Parameters 'ScalingPolicyUpdate' {NEEDED}",
        ),
        (
            {WRITES: {**SCALING, "MinimumUnits": 51}},
            "ValidationException",
            "Maximum capacity cannot be less than minimum capacity (Service: AWSApplicationAutoScaling; Status Code: "
            "400; Error Code: ValidationException; Request ID: ",
        ),
        (
            {WRITES: {**SCALING, "ScalingPolicyUpdate": TARGET}},
            "ValidationException",
            "For predefined metric type DynamoDBWriteCapacityUtilization, target value must be between '10.0' and "
            "'90.0', but was '90.1'. (Service: AWSApplicationAutoScaling; ",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{"IndexName": "none", WRITES: SCALING}]},
            "ResourceNotFoundException",
            f"{FAILED} because the global secondary indexes with names: ‘[none]’ do not exist.",
        ),
    ],
    ids=str,
)
def test_auto_scaling_that_cannot_be(desk: Any, members: dict[str, Any], code: str, text: str) -> None:
    provisioned(desk)
    before = scaling(desk)
    refusal = desk.refused("UpdateTableReplicaAutoScaling", TableName="tab", **members)
    assert (refusal[0], refusal[1][: len(text)]) == (code, text)
    assert scaling(desk) == before


def test_only_a_global_table_scales_together(desk: Any) -> None:
    desk.table()
    for name in ("tab", "none"):
        missing = ("ResourceNotFoundException", f"Global table with name: '{name}' does not exist.")
        assert desk.refused("DescribeTableReplicaAutoScaling", TableName=name) == missing
        assert desk.refused("UpdateTableReplicaAutoScaling", TableName=name, **{WRITES: SCALING}) == missing
    update(desk, create("eu-west-1"))
    assert desk.refused("UpdateTableReplicaAutoScaling", TableName="tab", **{WRITES: SCALING})[1] == (
        "Failed to update global table with name ‘tab‘. Replicas 'EU-WEST-1', 'US-EAST-1' BillingMode is "
        "PayPerRequest. You must convert table's BillingMode to PROVISIONED to set parameters: "
        "'GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate'."
    )
    desk("UpdateTableReplicaAutoScaling", TableName="tab", **{WRITES: {"AutoScalingDisabled": True}})


def group(*regions: str) -> list[dict[str, str]]:
    return [{"RegionName": region} for region in regions]


def test_an_old_global_table_through_its_life(desk: Any) -> None:
    named = {"GlobalTableName": "tab"}
    text = "Global table with name: 'tab' does not exist."
    missing = ("GlobalTableNotFoundException", f"Global table not found: {text}")
    assert desk.refused("DescribeGlobalTable", **named) == missing
    for operation in ("DescribeGlobalTableSettings", "UpdateGlobalTableSettings"):
        assert desk.refused(operation, **named) == ("GlobalTableNotFoundException", text)
    assert desk.refused("DescribeGlobalTable", GlobalTableName="ab") == (
        "ValidationException",
        "TableName must be at least 3 characters long and at most 255 characters long",
    )
    nothing: tuple[list[dict[str, Any]], ...] = ([], [{}])
    for updates in nothing:
        assert desk.refused("UpdateGlobalTable", **named, ReplicaUpdates=updates) == (
            "ValidationException",
            "One or more parameter values were invalid",
        )
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
