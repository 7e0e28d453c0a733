"""New indexes: filled from the items that were there, while writes go on, and also when the work is broken off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec, system
from extenddb.engine.jobs import backfill as backfill_job
from extenddb.engine.jobs.healing import heal
from extenddb.engine.jobs.runner import KIND, Jobs
from extenddb.engine.jobs.table import STEPS
from extenddb.engine.jobs.ttl import sweep
from extenddb.engine.ops import update_table, update_time_to_live
from extenddb.storage.registry import load_backend

CALLER = Caller()
ITEMS = 300
GROUPS = 5
BACKENDS = ["memory", pytest.param("postgres", marks=pytest.mark.postgres)]
Scenario = Callable[[Engine], Awaitable[None]]


def run(name: str, scenario: Scenario, **settings: Any) -> None:
    """Run a scenario on a fresh store."""

    async def main() -> None:
        plugin = load_backend(name)
        async with plugin.provision({"memory": "true"}) as given:
            backend = await plugin.open(given)
            engine = Engine(backend, EngineSettings(**settings))
            try:
                async with asyncio.timeout(60):
                    await create(engine)
                    await scenario(engine)
            finally:
                await engine.close()
                await backend.close()

    asyncio.run(main())


async def create(engine: Engine) -> None:
    await engine.execute(
        "CreateTable",
        CALLER,
        {
            "TableName": "grown",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    await asyncio.gather(*(put(engine, number) for number in range(ITEMS)))


async def put(engine: Engine, number: int, **more: Any) -> None:
    item = {"id": {"S": f"{number:05}"}, "group": {"S": str(number % GROUPS)}, **more}
    await engine.execute("PutItem", CALLER, {"TableName": "grown", "Item": item})


async def add_index(engine: Engine) -> dict[str, Any]:
    answer = await engine.execute(
        "UpdateTable",
        CALLER,
        {
            "TableName": "grown",
            "AttributeDefinitions": [{"AttributeName": "group", "AttributeType": "S"}],
            "GlobalSecondaryIndexUpdates": [
                {
                    "Create": {
                        "IndexName": "by-group",
                        "KeySchema": [
                            {"AttributeName": "group", "KeyType": "HASH"},
                            {"AttributeName": "id", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    }
                }
            ],
        },
    )
    description: dict[str, Any] = answer["TableDescription"]
    return description


async def index(engine: Engine) -> dict[str, Any]:
    answer = await engine.execute("DescribeTable", CALLER, {"TableName": "grown"})
    description: dict[str, Any] = answer["Table"]["GlobalSecondaryIndexes"][0]
    return description


async def grouped(engine: Engine, group: int) -> list[str]:
    answer = await engine.execute(
        "Query",
        CALLER,
        {
            "TableName": "grown",
            "IndexName": "by-group",
            "KeyConditionExpression": "#g = :g",
            "ExpressionAttributeNames": {"#g": "group"},
            "ExpressionAttributeValues": {":g": {"S": str(group)}},
        },
    )
    return [item["id"]["S"] for item in answer["Items"]]


async def active(engine: Engine) -> None:
    for _ in range(2000):
        if (await index(engine))["IndexStatus"] == "ACTIVE":
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the index does not become active")


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_index_is_filled_while_writes_go_on(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_job, "_ROWS", 20)

    async def scenario(engine: Engine) -> None:
        jobs = asyncio.create_task(engine.run_jobs())
        adding = asyncio.create_task(add_index(engine))
        for number in range(0, ITEMS, 3):  # moved to a group of their own, or removed
            if number % 2:
                await put(engine, number, group={"S": "moved"})
            else:
                key = {"id": {"S": f"{number:05}"}}
                await engine.execute("DeleteItem", CALLER, {"TableName": "grown", "Key": key})
        description = await adding
        assert description["TableStatus"] == "UPDATING"
        assert description["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
        await active(engine)
        for group in range(GROUPS):
            expected = [f"{n:05}" for n in range(ITEMS) if n % GROUPS == group and n % 3]
            assert await grouped(engine, group) == expected
        assert "Backfilling" not in await index(engine)
        jobs.cancel()
        await asyncio.gather(jobs, return_exceptions=True)

    run(backend, scenario)


@pytest.mark.parametrize("backend", BACKENDS)
def test_values_that_are_no_keys_are_left_out(backend: str) -> None:
    """They are older than the index, and stay out of it when the item is written again with the same value."""

    async def scenario(engine: Engine) -> None:
        for number, group in enumerate(({"S": ""}, {"N": "1"}, {"S": "x" * 2049}, {"NULL": True}, {"S": "y"})):
            await put(engine, number, group=group)
        jobs = asyncio.create_task(engine.run_jobs())
        await add_index(engine)
        await active(engine)
        change = {
            "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"N": "1"}},
            "TableName": "grown",
        }
        await engine.execute("UpdateItem", CALLER, {**change, "Key": {"id": {"S": "00000"}}})
        rows = (await engine.execute("Scan", CALLER, {"TableName": "grown", "IndexName": "by-group"}))["Items"]
        known = {row["id"]["S"] for row in rows}
        assert len(known) == ITEMS - 4
        assert known.isdisjoint({"00000", "00001", "00002", "00003"})
        jobs.cancel()
        await asyncio.gather(jobs, return_exceptions=True)

    run(backend, scenario)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backfill_that_was_broken_off_goes_on(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_job, "_ROWS", 50)

    async def scenario(engine: Engine) -> None:
        await add_index(engine)
        first = Jobs(engine.context, STEPS, ())
        assert await first.tick()
        assert await first.tick()
        with pytest.raises(ServiceError, match="Cannot read from backfilling global secondary index: by-group"):
            await grouped(engine, 0)
        (document,) = await engine.context.backend.documents.list(KIND, limit=10)
        await engine.context.backend.leases.release(f"job/{document.key}", first._holder)
        other = Jobs(engine.context, STEPS, ())  # the first one is gone; one step is repeated as after a crash
        state = dict(engine_state(document.body), After=None)
        await engine.context.backend.documents.put(KIND, document.key, job_body(state), expected=document.version)
        while await other.tick():
            pass
        assert (await index(engine))["IndexStatus"] == "ACTIVE"
        assert len(await grouped(engine, 2)) == ITEMS // GROUPS

    run(backend, scenario, settle_seconds=0.0)


def engine_state(body: bytes) -> dict[str, Any]:
    """Return the state of a job's document."""
    state: dict[str, Any] = codec.parse(body)["State"]
    return state


def job_body(state: dict[str, Any]) -> bytes:
    """Return the document of a backfill in a state."""
    return codec.dump({"Type": "backfill", "State": state})


@pytest.mark.parametrize("backend", BACKENDS)
def test_expired_items_go_and_odd_ones_stay(backend: str) -> None:
    async def scenario(engine: Engine) -> None:
        now = engine.context.clock() // 1000
        for number, expires in enumerate(
            (
                {"N": str(now - 10)},
                {"N": str(now + 1000)},
                {"S": str(now - 10)},
                {"N": "1"},
                {"N": "9" * 38},
                {"N": "-5"},
            )
        ):
            await put(engine, number, expires=expires)
        specification = {"AttributeName": "expires", "Enabled": True}
        await engine.execute(
            "UpdateTimeToLive", CALLER, {"TableName": "grown", "TimeToLiveSpecification": specification}
        )
        jobs = asyncio.create_task(engine.run_jobs())
        await put(engine, 6, expires={"N": str(now - 20)})
        for _ in range(400):
            if not await exists(engine, 0) and not await exists(engine, 6):
                break
            await asyncio.sleep(0.05)
        assert [await exists(engine, number) for number in (0, 6)] == [False] * 2
        assert [await exists(engine, number) for number in range(1, 6)] == [True] * 5
        jobs.cancel()
        await asyncio.gather(jobs, return_exceptions=True)

    run(backend, scenario, ttl_seconds=0.2)


async def exists(engine: Engine, number: int) -> bool:
    key = {"id": {"S": f"{number:05}"}}
    return "Item" in await engine.execute("GetItem", CALLER, {"TableName": "grown", "Key": key})


def test_expiry_in_a_stream_names_the_service() -> None:
    async def scenario(engine: Engine) -> None:
        specification = {"AttributeName": "expires", "Enabled": True}
        await engine.execute(
            "UpdateTimeToLive", CALLER, {"TableName": "grown", "TimeToLiveSpecification": specification}
        )
        stream = {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}
        answer = await engine.execute("UpdateTable", CALLER, {"TableName": "grown", "StreamSpecification": stream})
        arn = answer["TableDescription"]["LatestStreamArn"]
        now = engine.context.clock() // 1000
        await put(engine, 0, expires={"N": str(now - 1)})
        await STEPS["backfill"](engine.context, {**await backfill_state(engine)})
        await sweep(engine.context)
        shard = (await engine.execute("DescribeStream", CALLER, {"StreamArn": arn}))["StreamDescription"]["Shards"][0]
        request = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        records = (
            await engine.execute("GetRecords", CALLER, await engine.execute("GetShardIterator", CALLER, request))
        )["Records"]
        assert [record["eventName"] for record in records] == ["MODIFY", "REMOVE"]
        assert records[1]["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
        assert "userIdentity" not in records[0]

    run("memory", scenario)


async def backfill_state(engine: Engine) -> dict[str, Any]:
    (document,) = await engine.context.backend.documents.list(KIND, limit=10)
    return engine_state(document.body)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_index_whose_job_was_never_written_down_is_filled(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(engine: Engine) -> None:
        async def died(*_: Any) -> str:
            raise ConnectionError("the process is gone")

        past = {"N": str(int(time.time()) - 60)}
        await put(engine, 7, expires=past)
        with monkeypatch.context() as patched:
            patched.setattr(update_table, "start_job", died)
            patched.setattr(update_time_to_live, "start_job", died)
            with pytest.raises(ConnectionError):
                await add_index(engine)
            specification = {"Enabled": True, "AttributeName": "expires"}
            request = {"TableName": "grown", "TimeToLiveSpecification": specification}
            with pytest.raises(ConnectionError):
                await engine.execute("UpdateTimeToLive", CALLER, request)
        assert (await index(engine))["Backfilling"]
        await system.prepare(engine.context.backend.catalog, system.TOKENS)  # no table
        await heal(engine.context)
        await heal(engine.context)  # knows of the job
        assert len(await engine.context.backend.documents.list(KIND, limit=10)) == 1
        jobs = Jobs(engine.context, STEPS, ())
        while await jobs.tick():
            pass
        await sweep(engine.context)
        assert (await index(engine))["IndexStatus"] == "ACTIVE"
        assert await grouped(engine, 2) == [f"{number:05}" for number in range(2, ITEMS, GROUPS) if number != 7]
        await heal(engine.context)
        assert await engine.context.backend.documents.list(KIND, limit=10) == []

    run(backend, scenario, settle_seconds=0)


@pytest.mark.postgres
def test_a_filled_index_can_be_read_at_once_in_every_process() -> None:
    async def scenario(engine: Engine) -> None:
        other = Engine(engine.context.backend)
        await add_index(engine)
        with pytest.raises(ServiceError, match="backfilling"):
            await grouped(other, 2)
        jobs = Jobs(engine.context, STEPS, ())
        while await jobs.tick():
            pass
        assert len(await grouped(other, 2)) == ITEMS // GROUPS
        await other.close()

    run("postgres", scenario, settle_seconds=0)
