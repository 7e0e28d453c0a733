"""A table is there, or gone, for the next request already; the service takes seconds."""

from __future__ import annotations

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World


def test_active_and_gone_at_once(world: World) -> None:
    account = world.account()
    name = {"TableName": "once"}
    created = world.must(account, "CreateTable", create_request("once", "p S", {}, {}))
    assert created["TableDescription"]["TableStatus"] == "CREATING"
    assert world.must(account, "DescribeTable", name)["Table"]["TableStatus"] == "ACTIVE"
    assert world.must(account, "DeleteTable", name)["TableDescription"]["TableStatus"] == "DELETING"
    assert world.service.call(account, "DescribeTable", name).error == "ResourceNotFoundException"
