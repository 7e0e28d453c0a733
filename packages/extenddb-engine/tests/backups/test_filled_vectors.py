"""Vector indexes of tables that are filled: what is found in them, and that they are ready before they are opened."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from backup_kit import Service, item, parsed, run

from extenddb.core.errors import ServiceError
from extenddb.engine.jobs import backfill as backfill_job
from extenddb.engine.jobs import import_table as import_job
from extenddb.engine.jobs import restore as restore_job
from extenddb.engine.jobs.healing import heal
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Space
from extenddb.storage.spi import Backend

COUNT, DIMENSIONS = 1300, 12
"""More than are looked at one by one where a store has something better."""
INDEX: dict[str, Any] = {
    "IndexName": "near",
    "VectorAttribute": {"AttributeName": "v"},
    "SearchSchema": [{"AttributeName": "color", "SearchSchemaElementType": "INLINE_FILTER"}],
    "Projection": {"ProjectionType": "ALL"},
    "Dimensions": DIMENSIONS,
    "DistanceFunction": "EUCLIDEAN",
}
_rng = random.Random(21)
VECTORS = [[round(_rng.gauss(n % 9, 1), 4) for _ in range(DIMENSIONS)] for n in range(COUNT)]


def picture(number: int) -> dict[str, Any]:
    """Return an item with a vector."""
    vector = {"L": [{"N": str(component)} for component in VECTORS[number]]}
    return {**item(number, "red" if number % 3 else "blue"), "v": vector}


async def fill(service: Service, table: str = "source") -> None:
    for first in range(0, COUNT, 25):
        puts = [{"PutRequest": {"Item": picture(n)}} for n in range(first, min(first + 25, COUNT))]
        await service.call("BatchWriteItem", RequestItems={table: puts})


async def from_backup(service: Service, root: Path) -> None:
    await fill(service)
    answer = await service.call("CreateBackup", TableName="source", BackupName="pictures")
    await service.work()
    arn = answer["BackupDetails"]["BackupArn"]
    await service.call("RestoreTableFromBackup", TargetTableName="target", BackupArn=arn)


async def from_time(service: Service, root: Path) -> None:
    on = {"PointInTimeRecoveryEnabled": True}
    await service.call("UpdateContinuousBackups", TableName="source", PointInTimeRecoverySpecification=on)
    await fill(service)
    service.clock.skip(5)
    at = service.clock.now / 1000
    service.clock.skip(5)
    await service.put(1, "gone")
    names = {"SourceTableName": "source", "TargetTableName": "target"}
    await service.call("RestoreTableToPointInTime", **names, RestoreDateTime=at)


async def from_objects(service: Service, root: Path) -> None:
    for part in range(3):
        path = root / "input" / f"part-{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        numbers = range(part, COUNT, 3)
        path.write_text("".join(json.dumps({"Item": picture(n)}) + "\n" for n in numbers), "utf-8")
    described = (await service.call("DescribeTable", TableName="source"))["Table"]
    members = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
    table = {member: described[member] for member in members}
    table["GlobalSecondaryIndexes"] = [
        {member: each[member] for member in ("IndexName", "KeySchema", "Projection")}
        for each in table["GlobalSecondaryIndexes"]
    ]
    await service.call(
        "ImportTable",
        S3BucketSource={"S3Bucket": "input"},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters={
            "TableName": "target",
            "BillingMode": "PAY_PER_REQUEST",
            "VectorIndexes": [INDEX],
            **table,
        },
    )


async def search(service: Service, query: list[float], **members: Any) -> list[tuple[int, float]]:
    """Return numbers and scores of the ten nearest."""
    answer = await service.call(
        "SearchVectors",
        TableName="target",
        IndexName="near",
        SearchVector=[{"N": str(component)} for component in query],
        TopK=10,
        **members,
    )
    return [(int(parsed(hit["Item"])["sk"]["N"]), hit["Score"]) for hit in answer["SearchResults"]]


async def check(service: Service) -> None:
    """Compare what is found in the table with what there is."""
    right = 0
    for probe in range(0, COUNT, COUNT // 12):
        query = [component + 0.01 for component in VECTORS[probe]]
        nearest = sorted(range(COUNT), key=lambda n: math.dist(VECTORS[n], query))
        found = await search(service, query)
        assert len(found) == 10
        assert found[0][0] == probe
        assert [score for _, score in found] == sorted(score for _, score in found)
        for number, score in found:
            assert score == pytest.approx(math.dist(VECTORS[number], query), abs=1e-5)
        right += len({number for number, _ in found} & set(nearest[:10]))
        values = {":c": {"S": "blue"}}
        blue = await search(service, query, SearchConditionExpression="color = :c", ExpressionAttributeValues=values)
        assert {number for number, _ in blue} <= set(range(0, COUNT, 3))
        assert len(blue) == 10
    assert right >= 0.95 * 10 * 13
    moved = {**picture(5), "v": {"L": [{"N": "77"}] * DIMENSIONS}}
    await service.call("PutItem", TableName="target", Item=moved)
    assert (await search(service, [77.0] * DIMENSIONS))[0] == (5, 0.0)


WAYS: dict[str, Callable[[Service, Path], Awaitable[None]]] = {
    "backup": from_backup,
    "time": from_time,
    "objects": from_objects,
}


@pytest.mark.parametrize("crashing", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_vectors_of_a_filled_table_are_found(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, crashing: bool
) -> None:
    monkeypatch.setattr(restore_job, "_ROWS", 400)
    monkeypatch.setattr(import_job, "_BYTES", 64 * 1024)

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table(VectorIndexes=[INDEX])
        await WAYS[way](service, tmp_path)
        if crashing:
            await service.work_with_crashes()
        else:
            await service.work()
        assert (await described(service, "target"))["TableStatus"] == "ACTIVE"
        await check(service)

    run(store, scenario)


async def described(service: Service, table: str) -> dict[str, Any]:
    description: dict[str, Any] = (await service.call("DescribeTable", TableName=table))["Table"]
    return description


class Builds:
    """In place of a store's `build`: nothing is done until it was asked for a few times."""

    def __init__(self, backend: Backend, monkeypatch: pytest.MonkeyPatch, times: int = 3) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self._times = times
        monkeypatch.setattr(backend.items, "build", self._build)

    async def _build(self, space: Space, index: str, *, alone: bool = False) -> bool:
        self.asked.append((space.id, index, alone))
        return len(self.asked) >= self._times


@pytest.mark.parametrize("way", WAYS)
def test_a_filled_table_is_opened_once_it_can_be_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """However often the process dies while it waits."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        await service.table(VectorIndexes=[INDEX])
        await WAYS[way](service, tmp_path)
        builds = Builds(backend, monkeypatch)
        statuses: list[str] = []

        async def look() -> None:
            statuses.append((await described(service, "target"))["TableStatus"])
            assert statuses[-1] == ("ACTIVE" if len(builds.asked) >= 3 else "CREATING")
            if statuses[-1] == "CREATING":
                with pytest.raises(ServiceError):
                    await search(service, [0.0] * DIMENSIONS)

        monkeypatch.setattr("extenddb.engine.jobs.waiting._STEP_SECONDS", 0.0)
        await service.work_with_crashes(look)
        assert statuses[0] == "CREATING"
        assert statuses[-1] == "ACTIVE"
        (space,) = {space for space, _, _ in builds.asked}
        assert set(builds.asked) == {(space, "v0", True)}
        assert len(await service.contents("target")) == COUNT

    run("memory", scenario)


def test_an_index_that_is_added_is_opened_once_it_can_be_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_job, "_ROWS", 500)

    async def scenario(backend: Backend) -> None:
        service = Service(backend)
        await service.table("target")
        await fill(service, "target")
        builds = Builds(backend, monkeypatch)
        await service.call("UpdateTable", TableName="target", VectorIndexUpdates=[{"Create": INDEX}])
        statuses: list[str] = []

        async def look() -> None:
            (index,) = (await described(service, "target"))["VectorIndexes"]
            statuses.append(index["IndexStatus"])

        await service.work_with_crashes(look)
        assert statuses == ["CREATING"] * (len(statuses) - 1) + ["ACTIVE"]
        assert {(index, alone) for _, index, alone in builds.asked} == {("v0", False)}
        await check(service)

    run("memory", scenario)


def test_healing_builds_what_is_filled_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that are older than what a store does for them; one index at a time."""

    async def scenario(backend: Backend) -> None:
        service = Service(backend, tmp_path)
        ids = [(await service.table(name, VectorIndexes=[INDEX]))["TableId"] for name in ("one", "two", "source")]
        spaces = sorted(each.replace("-", "") for each in ids)
        await service.table("plain")
        await from_objects(service, tmp_path)  # a table that is being filled
        other = {**INDEX, "IndexName": "further"}
        await service.call("UpdateTable", TableName="one", VectorIndexUpdates=[{"Create": other}])  # and an index
        builds = Builds(backend, monkeypatch)
        await heal(service.engine.context)
        assert builds.asked == [(spaces[0], "v0", False)]
        await heal(service.engine.context)
        assert builds.asked == [(spaces[0], "v0", False)] * 2
        await heal(service.engine.context)
        assert [(space, index) for space, index, _ in builds.asked[2:]] == [(space, "v0") for space in spaces]

        async def gone(space: Space, index: str, *, alone: bool = False) -> bool:
            raise SchemaMismatch(space.id)

        monkeypatch.setattr(backend.items, "build", gone)
        await heal(service.engine.context)

    run("memory", scenario)
