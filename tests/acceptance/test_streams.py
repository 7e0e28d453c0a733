"""Streams through boto3: consumers as applications have them, against two workers and shards that rotate quickly."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from stream_kit import (
    HORIZON,
    SHARD_END,
    Consumer,
    Progress,
    check_lineage,
    client,
    items_of,
    replayed,
    shards,
    wait_until,
)

from extenddb.engine.streams import iterators
from extenddb.server.testing import Server, start
from extenddb.storage.registry import load_backend

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

WRITERS = 4
ROUNDS = 20
ATTEMPTS = 500
SHARED = 5  # keys that all writers write to
SERVICE = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Two workers, two lanes, new shards every half second, expired items removed at once."""
    with start(workers=2, shard_seconds=0.5, stream_lanes=2, ttl_seconds=0.2) as running:
        yield running
        assert "Traceback" not in running.logs(), running.logs()


def create(server: Server, table: str, view: str | None = "NEW_AND_OLD_IMAGES") -> str:
    """Create a table and return the ARN of its stream."""
    specification: dict[str, Any] = {"StreamEnabled": view is not None}
    if view is not None:
        specification["StreamViewType"] = view
    description = client(server).create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=specification,
    )["TableDescription"]
    arn: str = description.get("LatestStreamArn", "")
    return arn


@dataclass
class Writer:
    """Writes in every way there is, and keeps what was acknowledged."""

    dynamodb: Any
    table: str
    name: int
    stamps: list[str] = field(default_factory=list)
    """One for each acknowledged write of an item; it is in the item."""
    removals: int = 0
    """Items that were there and were removed."""
    expiring: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def run(self) -> None:
        """Do all rounds."""
        try:
            for number in range(ROUNDS):
                self.round(number)
        except BaseException as error:
            self.error = error

    def round(self, number: int) -> None:
        """Write once in each way."""
        shared = {"S": f"shared {(self.name + number) % SHARED}"}
        own = {"S": f"own {self.name} {number % 3}"}
        self.single(shared, number)
        self.batch(shared, own, number)
        self.transaction(shared, own, number)
        self.statements(shared, own, number)
        self.nothing(number)
        fleeting = {"S": f"fleeting {self.name} {number}"}
        self.put(fleeting, f"e{number}", expires={"N": str(int(time.time()) - 60)})
        self.expiring.append(fleeting["S"])

    def stamp(self, text: str) -> dict[str, str]:
        """Return a value no other write writes."""
        return {"S": f"{self.name}/{text}"}

    def alone(self, operation: str, **request: Any) -> Any:
        """Write one item, again and again while a transaction of another writer has it."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(self.dynamodb.exceptions.TransactionConflictException):
                return getattr(self.dynamodb, operation)(**request)
            time.sleep(0.002)
        raise TimeoutError(operation)

    def put(self, key: dict[str, str], text: str, **more: Any) -> None:
        """Put one item."""
        stamp = self.stamp(text)
        self.alone("put_item", TableName=self.table, Item={"id": key, "stamp": stamp, **more})
        self.stamps.append(stamp["S"])

    def single(self, key: dict[str, str], number: int) -> None:
        """PutItem, UpdateItem, DeleteItem."""
        self.put(key, f"p{number}")
        stamp = self.stamp(f"u{number}")
        self.alone(
            "update_item",
            TableName=self.table,
            Key={"id": key},
            UpdateExpression="SET stamp = :stamp ADD hits :one",
            ExpressionAttributeValues={":stamp": stamp, ":one": {"N": "1"}},
        )
        self.stamps.append(stamp["S"])
        answer = self.alone("delete_item", TableName=self.table, Key={"id": key}, ReturnValues="ALL_OLD")
        self.removals += "Attributes" in answer

    def batch(self, shared: dict[str, str], own: dict[str, str], number: int) -> None:
        """BatchWriteItem, first with two puts, then with a removal of what is certainly there."""
        first, second = self.stamp(f"b{number}"), self.stamp(f"c{number}")
        puts = [{"PutRequest": {"Item": {"id": key, "stamp": at}}} for key, at in ((shared, first), (own, second))]
        for requests in (puts, [{"DeleteRequest": {"Key": {"id": own}}}]):
            assert not self.dynamodb.batch_write_item(RequestItems={self.table: requests})["UnprocessedItems"]
        self.stamps += [first["S"], second["S"]]
        self.removals += 1

    def transaction(self, shared: dict[str, str], own: dict[str, str], number: int) -> None:
        """TransactWriteItems: all of it happens, or nothing when another has an item."""
        first, second = self.stamp(f"t{number}"), self.stamp(f"v{number}")
        own_put = {"Put": {"TableName": self.table, "Item": {"id": own, "stamp": second}}}
        update = {
            "TableName": self.table,
            "Key": {"id": shared},
            "UpdateExpression": "SET stamp = :stamp",
            "ExpressionAttributeValues": {":stamp": first},
        }
        check = {
            "TableName": self.table,
            "Key": {"id": {"S": "never there"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        try:
            self.dynamodb.transact_write_items(TransactItems=[own_put, {"Update": update}, {"ConditionCheck": check}])
        except self.dynamodb.exceptions.TransactionCanceledException:
            self.put(own, f"w{number}")
        else:
            self.stamps += [first["S"], second["S"]]
        self.dynamodb.transact_write_items(TransactItems=[{"Delete": {"TableName": self.table, "Key": {"id": own}}}])
        self.removals += 1

    def statements(self, shared: dict[str, str], own: dict[str, str], number: int) -> None:
        """PartiQL: a statement of each kind, a batch and a transaction."""
        inserted, changed, both = (self.stamp(f"{letter}{number}") for letter in "iqr")
        self.dynamodb.execute_statement(
            Statement=f"""INSERT INTO "{self.table}" VALUE {{'id': ?, 'stamp': ?}}""", Parameters=[own, inserted]
        )
        update = f"""UPDATE "{self.table}" SET stamp = ? WHERE id = ?"""
        self.dynamodb.execute_transaction(TransactStatements=[{"Statement": update, "Parameters": [changed, own]}])
        delete = {"Statement": f"""DELETE FROM "{self.table}" WHERE id = ?""", "Parameters": [own]}
        statements = [{"Statement": update, "Parameters": [both, shared]}, delete]
        answers = self.dynamodb.batch_execute_statement(Statements=statements)["Responses"]
        self.stamps += [inserted["S"], changed["S"]]
        assert "Error" not in answers[1]
        self.removals += 1
        if "Error" not in answers[0]:
            self.stamps.append(both["S"])

    def nothing(self, number: int) -> None:
        """Write what changes nothing: there must be no record of it."""
        still = {"id": {"S": f"still {self.name}"}, "stamp": self.stamp("still"), "n": {"N": "1"}}
        if number == 0:
            self.alone("put_item", TableName=self.table, Item=still)
            self.stamps.append(still["stamp"]["S"])
        absent = {"id": {"S": "never there"}}
        self.alone("put_item", TableName=self.table, Item={**still, "n": {"N": "1.0"}})
        self.alone(
            "update_item",
            TableName=self.table,
            Key={"id": still["id"]},
            UpdateExpression="SET n = :n REMOVE gone",
            ExpressionAttributeValues={":n": {"N": "1"}},
        )
        self.alone("delete_item", TableName=self.table, Key=absent)
        self.dynamodb.batch_write_item(
            RequestItems={self.table: [{"PutRequest": {"Item": still}}, {"DeleteRequest": {"Key": absent}}]}
        )
        self.dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": self.table, "Item": still}}],
            ClientRequestToken=f"{self.name}-{number}",
        )
        with pytest.raises(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self.alone("put_item", TableName=self.table, Item=absent, ConditionExpression="attribute_exists(id)")


def test_a_consumer_meets_every_change_of_every_kind_once(server: Server) -> None:
    arn = create(server, "watched")
    dynamodb = client(server)
    dynamodb.update_time_to_live(
        TableName="watched", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    progress = Progress()
    writers = [Writer(client(server), "watched", number) for number in range(WRITERS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    restarts = 0
    while any(thread.is_alive() for thread in threads):  # each goes on from the checkpoints of the one before
        with Consumer(server, arn, progress, limit=5 + restarts * 7) as consumer:
            enough = progress.count + 60
            while progress.count < enough and any(thread.is_alive() for thread in threads):
                time.sleep(0.02)
        assert consumer.errors == []
        restarts += 1
    for writer in writers:
        if writer.error is not None:
            raise writer.error
    expiring = {key for writer in writers for key in writer.expiring}
    stamps = [stamp for writer in writers for stamp in writer.stamps]
    expected = len(stamps) + len(expiring) + sum(writer.removals for writer in writers)
    with Consumer(server, arn, progress) as consumer:
        wait_until(lambda: progress.count >= expected, f"{expected} records, not {progress.count}", server)
        closed = [shard for shard, at in progress.checkpoints.items() if at == SHARD_END]
        wait_until(
            lambda: sum(at == SHARD_END for at in progress.checkpoints.values()) >= len(closed) + 4,
            "new shards",
            server,
        )
    assert consumer.errors == []
    assert restarts > 2
    assert progress.count == expected
    records = progress.all_records()
    check_lineage(shards(client(server, "dynamodbstreams"), arn), progress)
    assert replayed(records) == {item["id"]["S"]: item for item in items_of(dynamodb, "watched", ConsistentRead=True)}
    written = [record["dynamodb"]["NewImage"]["stamp"]["S"] for record in records if record["eventName"] != "REMOVE"]
    assert sorted(written) == sorted(stamps)
    by_service = [record for record in records if "userIdentity" in record]
    assert {record["dynamodb"]["Keys"]["id"]["S"] for record in by_service} == expiring
    assert all(record["userIdentity"] == SERVICE and record["eventName"] == "REMOVE" for record in by_service)


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_view_types(server: Server, view: str, images: set[str]) -> None:
    arn = create(server, f"viewed-{view}", view)
    dynamodb = client(server)
    for write in ("put", "update", "delete"):
        key = {"id": {"S": "a"}}
        if write == "put":
            dynamodb.put_item(TableName=f"viewed-{view}", Item=key | {"v": {"B": b"\0"}})
        elif write == "update":
            dynamodb.update_item(
                TableName=f"viewed-{view}",
                Key=key,
                UpdateExpression="SET v = :v",
                ExpressionAttributeValues={":v": {"B": b"\1"}},
            )
        else:
            dynamodb.delete_item(TableName=f"viewed-{view}", Key=key)
    progress = Progress()
    with Consumer(server, arn, progress):
        wait_until(lambda: progress.count >= 3, "three records", server)
    insert, modify, remove = progress.all_records()
    assert [each["eventName"] for each in (insert, modify, remove)] == ["INSERT", "MODIFY", "REMOVE"]
    item = {"id": {"S": "a"}, "v": {"B": b"\0"}}
    shown = {"OldImage": item, "NewImage": {**item, "v": {"B": b"\1"}}}
    for record, possible in ((insert, {"NewImage"}), (modify, {"OldImage", "NewImage"}), (remove, {"OldImage"})):
        change = record["dynamodb"]
        assert change["Keys"] == {"id": {"S": "a"}}
        assert change["StreamViewType"] == view
        assert {name for name in change if name.endswith("Image")} == possible & images
        assert change["SizeBytes"] == 3 + 5 * len(possible & images)
    assert {name: modify["dynamodb"][name] for name in images} == {name: shown[name] for name in images}
    limits = botocore.session.get_session().get_service_model("dynamodbstreams")
    assert_length(limits, "SequenceNumber", insert["dynamodb"]["SequenceNumber"])
    assert_length(limits, "StreamArn", arn)
    streams = client(server, "dynamodbstreams")
    for shard in shards(streams, arn):
        assert_length(limits, "ShardId", shard["ShardId"])
        assert_length(limits, "ShardId", shard.get("ParentShardId", shard["ShardId"]))
        for number in shard["SequenceNumberRange"].values():
            assert_length(limits, "SequenceNumber", number)
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")
        assert_length(limits, "ShardIterator", iterator["ShardIterator"])


def assert_length(model: Any, shape: str, value: str) -> None:
    """A value has a length that the service's model allows."""
    limits = model.shape_for(shape).metadata
    assert limits["min"] <= len(value) <= limits["max"], (shape, value)


def test_describe_stream_by_pages_and_by_parent(server: Server) -> None:
    arn = create(server, "lineage", "KEYS_ONLY")
    streams = client(server, "dynamodbstreams")
    wait_until(lambda: len(shards(streams, arn)) >= 6, "six shards", server)
    for page in (1, 2, 5):
        known = shards(streams, arn, page=page)
        ids = [shard["ShardId"] for shard in known]
        assert len(ids) == len(set(ids)) >= 6
    roots = [shard["ShardId"] for shard in known if "ParentShardId" not in shard]
    assert len(roots) == 2
    for parent in (*roots, known[-1]["ShardId"]):
        answer = streams.describe_stream(StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": parent})
        children = answer["StreamDescription"]["Shards"]
        assert all(child["ParentShardId"] == parent for child in children)
        assert len(children) == 1 or parent not in roots
    with pytest.raises(ClientError, match="less than or equal to 100"):
        streams.describe_stream(StreamArn=arn, Limit=101)


def test_list_streams_by_pages_and_after_the_table(server: Server) -> None:
    dynamodb, streams = client(server), client(server, "dynamodbstreams")
    arns = {create(server, f"listed-{number}", "KEYS_ONLY") for number in range(4)}
    create(server, "without", None)
    dynamodb.put_item(TableName="listed-0", Item={"id": {"S": "a"}})
    dynamodb.delete_table(TableName="listed-0")
    found: list[dict[str, str]] = []
    start: dict[str, str] = {}
    while True:
        answer = streams.list_streams(Limit=3, **start)
        found += answer["Streams"]
        assert len(answer["Streams"]) <= 3
        if "LastEvaluatedStreamArn" not in answer:
            break
        start = {"ExclusiveStartStreamArn": answer["LastEvaluatedStreamArn"]}
    listed = [stream["StreamArn"] for stream in found if stream["TableName"].startswith("listed-")]
    assert len(listed) == len(arns)
    assert set(listed) == arns
    (gone,) = streams.list_streams(TableName="listed-0")["Streams"]
    assert streams.list_streams(TableName="without")["Streams"] == []
    description = streams.describe_stream(StreamArn=gone["StreamArn"])["StreamDescription"]
    assert description["StreamStatus"] == "DISABLED"
    progress = Progress()
    with Consumer(server, gone["StreamArn"], progress):
        wait_until(
            lambda: {*progress.checkpoints.values()} == {SHARD_END} and progress.count == 1, "the end of all", server
        )
    again = create(server, "listed-0", "KEYS_ONLY")
    assert {each["StreamArn"] for each in streams.list_streams(TableName="listed-0")["Streams"]} == {
        again,
        gone["StreamArn"],
    }


def secret_of(folder: Path) -> bytes:
    """Return what signs the iterators of a stopped server."""

    async def read() -> bytes:
        plugin = load_backend("postgres")
        async with plugin.provision({"data_dir": str(folder)}) as settings:
            backend = await plugin.open(settings)
            try:
                found = await backend.documents.get("secret", "stream-iterators")
            finally:
                await backend.close()
        assert found is not None
        return found.body

    return asyncio.run(read())


def test_iterators_survive_a_restart_and_old_ones_and_trimmed_records_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with start(data_dir=folder, workers=2) as server:
        arn = create(server, "kept", "KEYS_ONLY")
        dynamodb, streams = client(server), client(server, "dynamodbstreams")
        dynamodb.put_item(TableName="kept", Item={"id": {"S": "first"}})
        (shard,) = (each["ShardId"] for each in shards(streams, arn))
        given = {"StreamArn": arn, "ShardId": shard}
        start_of_all = streams.get_shard_iterator(**given, ShardIteratorType=HORIZON)
        answer = streams.get_records(ShardIterator=start_of_all["ShardIterator"])
        number = answer["Records"][0]["dynamodb"]["SequenceNumber"]
        dynamodb.put_item(TableName="kept", Item={"id": {"S": "second"}})
        account = server.account_id
    issued = int((time.time() - 16 * 60) * 1000)
    old = iterators.Iterator(arn=arn, shard=shard, after=0, issued=issued)
    expired = iterators.to_text(old, secret_of(folder), account)
    with start(data_dir=folder, workers=2, retention_seconds=1, shard_seconds=3600) as server:
        streams = client(server, "dynamodbstreams")
        with pytest.raises(streams.exceptions.ExpiredIteratorException):
            streams.get_records(ShardIterator=expired)
        following = answer["NextShardIterator"]
        with pytest.raises(streams.exceptions.TrimmedDataAccessException):
            wait_until(lambda: streams.get_records(ShardIterator=following) is None, "trimming", server)
        with pytest.raises(streams.exceptions.TrimmedDataAccessException):
            streams.get_shard_iterator(**given, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=number)
        client(server).put_item(TableName="kept", Item={"id": {"S": "third"}})
        last = streams.get_records(ShardIterator=start_of_all["ShardIterator"])["Records"]
        assert [each["dynamodb"]["Keys"]["id"]["S"] for each in last] in ([], ["third"])
