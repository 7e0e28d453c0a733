"""Copies between two real servers: everything arrives, kills and rates included, and failures are sentences."""

from __future__ import annotations

import json
import signal
import socket
from typing import Any

import pytest
from moving import Commands, between, contents, eventually, fill, make_table

from extenddb.server.testing import Server

GLOBAL = {
    "IndexName": "ByVersion",
    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["b"]},
    "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
}
LOCAL = {
    "IndexName": "Local",
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "v", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


def test_items_and_the_table_itself_arrive(servers: tuple[Server, Server], commands: Commands) -> None:
    source, target = servers
    ours, theirs = source.client(), target.client()
    make_table(
        ours,
        "Whole",
        stream="NEW_IMAGE",
        definitions=[{"AttributeName": "v", "AttributeType": "N"}],
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        GlobalSecondaryIndexes=[GLOBAL],
        LocalSecondaryIndexes=[LOCAL],
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    ours.update_time_to_live(TableName="Whole", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    fill(ours, "Whole", range(300), size=9000)
    odd = {"p": {"S": "é"}, "s": {"N": "-1.5"}, "v": {"N": "7"}, "m": {"M": {"l": {"L": [{"NULL": True}]}}}}
    ours.put_item(TableName="Whole", Item={**odd, "n": {"NS": ["1", "2"]}})
    done = commands.run("copy", *between(source, target, "Whole"), "--target-table", "Same", "--create", "--json")
    last = done.succeeded().events[-1]
    assert (last["event"], last["items"], last["target_items"]) == ("done", 301, 301)
    assert last["bytes"] > 300 * 9000
    assert contents(theirs, "Same") == contents(ours, "Whole")
    there = theirs.describe_table(TableName="Same")["Table"]
    here = ours.describe_table(TableName="Whole")["Table"]
    for member in ("KeySchema", "AttributeDefinitions", "StreamSpecification"):
        assert there[member] == here[member]
    for member in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        (left,), (right,) = there[member], here[member]
        assert [left[each] for each in ("IndexName", "KeySchema", "Projection")] == [
            right[each] for each in ("IndexName", "KeySchema", "Projection")
        ]
    assert there["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
    assert there["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    expiry = theirs.describe_time_to_live(TableName="Same")["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "until")
    assert theirs.list_tags_of_resource(ResourceArn=there["TableArn"])["Tags"] == [{"Key": "team", "Value": "blue"}]


@pytest.mark.kill
def test_a_killed_copy_goes_on_where_it_was(servers: tuple[Server, Server], commands: Commands) -> None:
    source, target = servers
    make_table(source.client(), "Killed")
    fill(source.client(), "Killed", range(1000), size=9000)
    flags = ["copy", *between(source, target, "Killed"), "--create", "--json", "--resume", "state.json"]
    file = commands.folder / "state.json"

    def copied() -> int:
        state = json.loads(file.read_text()) if file.exists() else {"segments": []}
        return sum(segment["items"] for segment in state["segments"])

    with commands.running(*flags, "--rate", "300") as process:
        before = eventually(copied, "the first page")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert before < 1000
    done = commands.run(*flags).succeeded()
    assert done.events[0]["event"] == "resumed"
    assert done.events[-1]["items"] == 1000
    assert contents(target.client(), "Killed") == contents(source.client(), "Killed")
    other = [*between(source, target, "Killed"), "--target-table", "Other", "--create", "--resume", "state.json"]
    commands.run("copy", *other).failed("belongs to another command or other tables")


def test_failures_are_one_sentence(servers: tuple[Server, Server], commands: Commands) -> None:
    source, target = servers
    make_table(source.client(), "Here")
    hash_only: dict[str, Any] = {
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "B"}],
    }
    target.client().create_table(TableName="Different", BillingMode="PAY_PER_REQUEST", **hash_only)
    here = between(source, target, "Here")
    commands.run("copy", *between(source, target, "Nowhere")).failed("The table Nowhere does not exist at http")
    commands.run("copy", *here).failed("--create makes it")
    commands.run("copy", *here, "--target-table", "Different").failed(
        "has the key p (B), but the key of what is to be written is p (S) + s (N)"
    )
    commands.run("copy", *here, "--create", "--to-access-key", "AKIDOTHER", "--to-secret-key", "x").failed(
        "refused DescribeTable: UnrecognizedClientException"
    )
    commands.run("copy", *here, "--to-access-key", "AKIDOTHER", "--to-secret-key", "").failed("given together")
    commands.run("copy", "--from", "nonsense", *here[2:]).failed("'nonsense' is not an endpoint")
    (commands.folder / "wrong.json").write_text("[]")
    commands.run("copy", *here, "--create", "--resume", "wrong.json").failed("is not a checkpoint")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    commands.run("copy", *here[:2], "--to", f"http://127.0.0.1:{port}", *here[4:], "--patience", "0").failed(
        "no answer"
    )


def test_a_target_that_loses_items_is_noticed(servers: tuple[Server, Server], commands: Commands) -> None:
    """A checkpoint that says more was copied than there is."""
    source, target = servers
    make_table(source.client(), "Lost")
    fill(source.client(), "Lost", range(10))
    flags = ["copy", *between(source, target, "Lost"), "--create", "--resume", "lost.json"]
    commands.run(*flags).succeeded()
    target.client().delete_item(TableName="Lost", Key={"p": {"S": "p1"}, "s": {"N": "1"}})
    commands.run(*flags).failed("holds 9 items, but 10 were copied")
    commands.run(*flags, "--no-verify").succeeded()
