"""DeleteTable leaves out three members, as the AWS CLI's example does; it lists indexes, which is our choice."""

from __future__ import annotations

from dynamodb_cases.model import create_request
from dynamodb_cases.service import World


def test_description_of_a_table_that_goes(world: World) -> None:
    account = world.account()
    world.must(account, "CreateTable", create_request("gone", "p S", {"gix": "g S"}, {}))
    description = world.must(account, "DeleteTable", {"TableName": "gone"})["TableDescription"]
    assert description["TableStatus"] == "DELETING"
    assert not {"AttributeDefinitions", "KeySchema", "CreationDateTime"} & description.keys()
    assert [index["IndexName"] for index in description["GlobalSecondaryIndexes"]] == ["gix"]
