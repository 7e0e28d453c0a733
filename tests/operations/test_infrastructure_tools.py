"""The calls that infrastructure tools make over the life of a table, in their order."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("operations")]
_numbers = itertools.count()


@pytest.fixture
def name() -> str:
    """A table's name that nobody used."""
    return f"infra-{next(_numbers)}"


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and text of the error that a call must fail with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_table_is_created_read_back_changed_and_destroyed(client: Any, name: str) -> None:
    """A plan is applied, refreshed without a difference, changed piece by piece, and destroyed."""
    created = client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        TableClass="STANDARD",
        DeletionProtectionEnabled=True,
        Tags=[{"Key": "Name", "Value": name}, {"Key": "team", "Value": "blue"}],
    )["TableDescription"]
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    arn = created["TableArn"]
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})

    table = client.describe_table(TableName=name)["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert table["DeletionProtectionEnabled"] is True
    assert "SSEDescription" not in table
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "Name", "Value": name},
        {"Key": "team", "Value": "blue"},
    ]

    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "red"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["Name"])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "red"}]
    client.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 6, "WriteCapacityUnits": 4})
    changed = client.describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
    assert (changed["ReadCapacityUnits"], changed["WriteCapacityUnits"]) == (6, 4)
    assert changed["NumberOfDecreasesToday"] == 1

    assert refusal(client.delete_table, TableName=name) == (
        "ValidationException",
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
    )
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.delete_table(TableName=name)
    client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    assert refusal(client.list_tags_of_resource, ResourceArn=arn) == (
        "ResourceNotFoundException",
        f"Requested resource not found: ResourceArn: {arn} not found",
    )


def test_a_stack_with_policy_insights_stream_and_replica_is_made_and_torn_down(client: Any, name: str) -> None:
    """The members a stack's table has, set one after the other and read back."""
    client.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "inverted",
                "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
        OnDemandThroughput={"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 50},
        WarmThroughput={"ReadUnitsPerSecond": 13000},
    )
    table = client.describe_table(TableName=name)["Table"]
    assert table["WarmThroughput"] == {
        "ReadUnitsPerSecond": 13000,
        "WriteUnitsPerSecond": 4000,
        "Status": "ACTIVE",
    }
    arn, stream = table["TableArn"], table["LatestStreamArn"]

    account = {"AWS": "arn:aws:iam::000000000000:root"}
    for resource in (arn, stream):
        statement = {"Effect": "Allow", "Principal": account, "Action": "dynamodb:*", "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
        put = client.put_resource_policy(ResourceArn=resource, Policy=policy, ExpectedRevisionId="NO_POLICY")
        got = client.get_resource_policy(ResourceArn=resource)
        assert (got["Policy"], got["RevisionId"]) == (policy, put["RevisionId"])

    for target in ({"TableName": name}, {"TableName": name, "IndexName": "inverted"}):
        client.update_contributor_insights(**target, ContributorInsightsAction="ENABLE")
        assert client.describe_contributor_insights(**target)["ContributorInsightsStatus"] == "ENABLED"

    client.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    table = client.describe_table(TableName=name)["Table"]
    (replica,) = table["Replicas"]
    assert (replica["RegionName"], replica["ReplicaStatus"]) == ("eu-west-1", "ACTIVE")
    assert table["GlobalTableVersion"] == "2019.11.21"

    client.update_table(TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": "eu-west-1"}}])
    assert "Replicas" not in client.describe_table(TableName=name)["Table"]
    client.delete_resource_policy(ResourceArn=arn)
    assert refusal(client.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"
    client.delete_table(TableName=name)


def test_an_old_global_table_is_gone_with_its_last_replica(client: Any, name: str) -> None:
    """Tools wait until the global table is not found any more."""
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    regions = ["us-east-1", "eu-west-1"]
    client.create_global_table(GlobalTableName=name, ReplicationGroup=[{"RegionName": region} for region in regions])
    described = client.describe_global_table(GlobalTableName=name)["GlobalTableDescription"]
    assert described["GlobalTableStatus"] == "ACTIVE"
    assert [replica["RegionName"] for replica in described["ReplicationGroup"]] == regions
    client.update_global_table(
        GlobalTableName=name, ReplicaUpdates=[{"Delete": {"RegionName": region}} for region in regions]
    )
    assert refusal(client.describe_global_table, GlobalTableName=name)[0] == "GlobalTableNotFoundException"
    client.delete_table(TableName=name)


def test_the_endpoint_told_is_the_one_that_was_asked(client: Any, server: Server) -> None:
    (endpoint,) = client.describe_endpoints()["Endpoints"]
    assert endpoint["Address"] == server.endpoint.removeprefix("http://")


def test_point_in_time_recovery_is_switched_on_and_read_back(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    described = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
