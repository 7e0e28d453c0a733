"""Replicas are settings: they can be anywhere, and a provisioned table can have them without auto scaling."""

from __future__ import annotations

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World


def test_a_provisioned_table_has_a_replica_in_no_region(world: World) -> None:
    account = world.account()
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    request = {**create_request("near", "p S", {}, {}), "BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
    world.must(account, "CreateTable", request)
    updates = [{"Create": {"RegionName": "mars-north-1"}}]
    world.must(account, "UpdateTable", {"TableName": "near", "ReplicaUpdates": updates})
    (replica,) = world.must(account, "DescribeTable", {"TableName": "near"})["Table"]["Replicas"]
    assert (replica["RegionName"], replica["ReplicaStatus"]) == ("mars-north-1", "ACTIVE")
