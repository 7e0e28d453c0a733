"""SIGKILL during background work: what was begun is finished after the next start, without loss and without doubles."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from kill_kit import call
from stream_kit import Consumer, Progress, check_lineage, client, items_of, replayed, shards, wait_until

from extenddb.server.testing import Server, start

pytestmark = [pytest.mark.kill, pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("kill")]

ITEMS = 20_000
GROUPS = 40
EXPIRED = 3_000
TABLE = "survivor"
INDEX = "by-group"
_BATCH = 25


def create(server: Server, **more: Any) -> None:
    """Create the table."""
    client(server).create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def fill(server: Server, count: int, item: Callable[[int], dict[str, Any]]) -> None:
    """Put so many items, in batches from several threads."""

    def put(numbers: Sequence[int]) -> None:
        requests = [{"PutRequest": {"Item": item(number)}} for number in numbers]
        assert not dynamodb.batch_write_item(RequestItems={TABLE: requests})["UnprocessedItems"]

    dynamodb = client(server)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, [range(first, min(first + _BATCH, count)) for first in range(0, count, _BATCH)]))


def grouped(number: int) -> dict[str, Any]:
    """Return an item; every tenth has no place in the index."""
    item: dict[str, Any] = {"id": {"S": f"{number:06}"}, "n": {"N": str(number)}}
    if number % 10:
        item["group"] = {"S": str(number % GROUPS)}
    return item


def index_status(server: Server) -> str | None:
    """Return the state of the index, None while there is none."""
    table = call(server, "DescribeTable", TableName=TABLE)[
        "Table"
    ]  # an SDK's client takes longer to make than an index
    status: str | None = next((index["IndexStatus"] for index in table.get("GlobalSecondaryIndexes", ())), None)
    return status


def test_an_index_is_filled_though_the_server_is_killed(tmp_path: Path) -> None:
    with start(data_dir=tmp_path / "data", workers=2, settle_seconds=0) as server:
        create(server)
        fill(server, ITEMS, grouped)
        call(
            server,
            "UpdateTable",
            TableName=TABLE,
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "group", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexUpdates=[
                {
                    "Create": {
                        "IndexName": INDEX,
                        "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                }
            ],
        )
        assert index_status(server) == "CREATING"
        time.sleep(0.3)  # some way into the work, wherever that is
        assert index_status(server) == "CREATING"
        server.kill()
    with start(data_dir=tmp_path / "data", workers=2) as server:
        assert index_status(server) == "CREATING"
        dynamodb = client(server)
        for number in range(0, ITEMS, 1000):  # what changes meanwhile must be in the index as it is
            dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": f"{number + 1:06}"}})
            dynamodb.put_item(TableName=TABLE, Item={**grouped(number), "group": {"S": "late"}})
        wait_until(lambda: index_status(server) == "ACTIVE", "the index", server)
        table = {item["id"]["S"]: item for item in items_of(dynamodb, TABLE, ConsistentRead=True)}
        found = items_of(dynamodb, TABLE, IndexName=INDEX)
    assert len(table) == ITEMS - ITEMS // 1000
    assert len(found) == len({item["id"]["S"] for item in found})
    assert {item["id"]["S"]: item for item in found} == {name: item for name, item in table.items() if "group" in item}


def test_expired_items_are_removed_once_though_the_server_is_killed(tmp_path: Path) -> None:
    past, future = (str(int(time.time()) + seconds) for seconds in (-3600, 3600))

    def item(number: int) -> dict[str, Any]:
        return {"id": {"S": f"{number:06}"}, "expires": {"N": future if number % 3 == 0 else past}}

    settings: dict[str, Any] = {"data_dir": tmp_path / "data", "workers": 2, "ttl_seconds": 0.5}
    with start(**settings) as server:
        create(server, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        fill(server, EXPIRED, item)
        dynamodb = client(server)
        dynamodb.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        removed = "000001", "000002", "000004", "000005"
        wait_until(lambda: any(absent(dynamodb, each) for each in removed), "the first removal", server)
        server.kill()
    with start(**settings) as server:
        dynamodb = client(server)
        wait_until(lambda: len(items_of(dynamodb, TABLE)) == EXPIRED // 3, "the end of the sweep", server)
        progress = Progress()
        with Consumer(server, arn_of(server), progress, limit=1000) as consumer:
            wait_until(lambda: progress.count >= EXPIRED + EXPIRED * 2 // 3, "all records", server)
        assert consumer.errors == []
        left = {each["id"]["S"]: each for each in items_of(dynamodb, TABLE, ConsistentRead=True)}
    assert replayed(progress.all_records()) == left
    removals = [each for each in progress.all_records() if each["eventName"] == "REMOVE"]
    assert len(removals) == EXPIRED * 2 // 3
    assert all("userIdentity" in each for each in removals)


def absent(dynamodb: Any, name: str) -> bool:
    """Tell whether an item is gone."""
    return "Item" not in dynamodb.get_item(TableName=TABLE, Key={"id": {"S": name}}, ConsistentRead=True)


class Writer:
    """Counts up some items until it is told to stop; every attempt writes a value of its own."""

    def __init__(self, server: Server, name: str) -> None:
        self.acknowledged: list[str] = []
        self.attempted: list[str] = []
        self._dynamodb = client(server)
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            stamp = f"{self._name}-{number}"
            self.attempted.append(stamp)
            try:
                self._dynamodb.update_item(
                    TableName=TABLE,
                    Key={"id": {"S": str(number % 7)}},
                    UpdateExpression="SET stamp = :stamp ADD hits :one",
                    ExpressionAttributeValues={":stamp": {"S": stamp}, ":one": {"N": "1"}},
                )
            except (BotoCoreError, ClientError):
                self._stop.wait(0.05)
            else:
                self.acknowledged.append(stamp)


def arn_of(server: Server) -> str:
    """Return the ARN of the table's stream."""
    arn: str = client(server).describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    return arn


def test_a_stream_loses_and_doubles_nothing_though_the_server_is_killed(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data_dir": tmp_path / "data", "workers": 2, "shard_seconds": 1, "stream_lanes": 2}
    progress = Progress()
    with start(**settings) as server:
        create(server, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        with (
            Consumer(server, arn_of(server), progress),
            Writer(server, "a") as one,
            Writer(server, "b") as other,
        ):
            wait_until(lambda: progress.count >= 500, "500 records", server)
            server.kill()
    with start(**settings) as server:
        dynamodb, streams, arn = client(server), client(server, "dynamodbstreams"), arn_of(server)
        table = {item["id"]["S"]: item for item in items_of(dynamodb, TABLE, ConsistentRead=True)}
        hits = sum(int(item["hits"]["N"]) for item in table.values())
        known = len(shards(streams, arn))
        with Consumer(server, arn, progress) as consumer:
            wait_until(lambda: len(shards(streams, arn)) >= known + 2, "new shards", server)
            wait_until(lambda: progress.count >= hits, "the last record", server)
        assert consumer.errors == []
        check_lineage(shards(streams, arn), progress)
    records = progress.all_records()
    assert replayed(records) == table
    stamps = [record["dynamodb"]["NewImage"]["stamp"]["S"] for record in records]
    assert len(stamps) == len(set(stamps)) == hits
    assert {stamp for writer in (one, other) for stamp in writer.acknowledged} <= set(stamps)
    assert set(stamps) <= {stamp for writer in (one, other) for stamp in writer.attempted}


def test_vectors_of_a_restored_table_are_found_though_the_server_is_killed(tmp_path: Path) -> None:
    """Killed while rows are loaded or while the index is made fast: the table is opened with both."""
    rng, count, dimensions = random.Random(4), 3000, 48
    vectors = [[round(rng.gauss(number % 7, 1), 3) for _ in range(dimensions)] for number in range(count)]
    index = {
        "IndexName": "near",
        "VectorAttribute": {"AttributeName": "v"},
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        "Dimensions": dimensions,
        "DistanceFunction": "EUCLIDEAN",
    }

    def listed(vector: list[float]) -> list[dict[str, str]]:
        return [{"N": str(component)} for component in vector]

    def status(server: Server) -> str:
        found: str = client(server).describe_table(TableName="restored")["Table"]["TableStatus"]
        return found

    with start(data_dir=tmp_path / "data", settle_seconds=0) as server:
        create(server, VectorIndexes=[index])
        fill(server, count, lambda number: {"id": {"S": f"{number:06}"}, "v": {"L": listed(vectors[number])}})
        arn = client(server).create_backup(TableName=TABLE, BackupName="vectors")["BackupDetails"]["BackupArn"]

        def available() -> bool:
            details = client(server).describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
            return bool(details["BackupStatus"] == "AVAILABLE")

        wait_until(available, "the backup", server)
        client(server).restore_table_from_backup(TargetTableName="restored", BackupArn=arn)
        server.kill()
    with start(data_dir=tmp_path / "data", settle_seconds=0) as server:
        time.sleep(11)  # the lease of the process before, and a little
        server.kill()
    with start(data_dir=tmp_path / "data", settle_seconds=0) as server:
        wait_until(lambda: status(server) == "ACTIVE", "the restored table", server)
        right = 0
        for probe in range(0, count, count // 10):
            nearest = sorted(range(count), key=lambda number: math.dist(vectors[number], vectors[probe]))[:10]
            answer = client(server).search_vectors(
                TableName="restored", IndexName="near", SearchVector=listed(vectors[probe]), TopK=10
            )
            found = [int(hit["Item"]["id"]["S"]) for hit in answer["SearchResults"]]
            assert found[0] == probe
            assert len(set(found)) == 10
            right += len(set(found) & set(nearest))
        assert right >= 90
        assert len(items_of(client(server), "restored")) == count
        assert "Traceback" not in server.logs()
