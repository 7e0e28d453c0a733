"""Streams: a consumer that follows lineage sees every change exactly once, in order per key, while shards rotate."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from extenddb.core.arn import TableArn
from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec
from extenddb.engine.jobs.streams import close_shard, tend_streams, write_mark
from extenddb.engine.streams import registry
from extenddb.storage.model import Records
from extenddb.storage.registry import load_backend
from extenddb.storage.spi import Backend

KEYS = 7
TABLE: dict[str, Any] = {
    "TableName": "watched",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
CALLER = Caller()


class Consumer:
    """Follows a stream as consumer libraries do: parents before children, checkpoint by iterator."""

    def __init__(self, engine: Engine, arn: str) -> None:
        self.engine = engine
        self.arn = arn
        self.records: list[dict[str, Any]] = []
        self.finished: set[str] = set()
        self.iterators: dict[str, str] = {}

    async def shards(self) -> list[dict[str, Any]]:
        answer = await self.engine.execute("DescribeStream", CALLER, {"StreamArn": self.arn})
        shards: list[dict[str, Any]] = answer["StreamDescription"]["Shards"]
        return shards

    async def round(self) -> int:
        """Read once from every shard whose parent is finished; returns the number of records."""
        got = 0
        for shard in await self.shards():
            name, parent = shard["ShardId"], shard.get("ParentShardId")
            if name in self.finished or (parent is not None and parent not in self.finished):
                continue
            if name not in self.iterators:
                request = {"StreamArn": self.arn, "ShardId": name, "ShardIteratorType": "TRIM_HORIZON"}
                answer = await self.engine.execute("GetShardIterator", CALLER, request)
                self.iterators[name] = answer["ShardIterator"]
            answer = await self.engine.execute(
                "GetRecords", CALLER, {"ShardIterator": self.iterators[name], "Limit": 5}
            )
            got += len(answer["Records"])
            self.records.extend(answer["Records"])
            if answer.get("NextShardIterator") is None:
                self.finished.add(name)
            else:
                self.iterators[name] = answer["NextShardIterator"]
        return got


async def write(engine: Engine, writer: int, count: int) -> None:
    """Increment the counters of some items."""
    for number in range(count):
        await engine.execute(
            "UpdateItem",
            CALLER,
            {
                "TableName": "watched",
                "Key": {"id": {"S": str((writer + number) % KEYS)}},
                "UpdateExpression": "ADD hits :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            },
        )


def check(records: list[dict[str, Any]], writes: int) -> None:
    """Every change once, each record's old image the new image of the one before of its key, numbers growing."""
    assert len(records) == writes
    assert len({record["eventID"] for record in records}) == writes
    last: dict[str, str] = {}
    for record in records:
        change = record["dynamodb"]
        key = change["Keys"]["id"]["S"]
        old = change.get("OldImage", {}).get("hits", {}).get("N", "0")
        assert old == last.get(key, "0")
        assert record["eventName"] == ("INSERT" if old == "0" else "MODIFY")
        last[key] = change["NewImage"]["hits"]["N"]
    assert sum(map(int, last.values())) == writes


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend_name(request: pytest.FixtureRequest) -> str:
    """Run on the reference backend and on PostgreSQL."""
    name: str = request.param
    return name


@pytest.mark.parametrize("lanes", [1, 3])
def test_consumer_sees_everything_once_and_in_order(backend_name: str, lanes: int) -> None:
    async def scenario(first: Backend, second: Backend) -> None:
        settings = EngineSettings(shard_seconds=0.2, stream_lanes=lanes)
        engines = [Engine(first, settings), Engine(second, settings)]
        created = await engines[0].execute("CreateTable", CALLER, TABLE)
        consumer = Consumer(engines[1], created["TableDescription"]["LatestStreamArn"])
        jobs = [asyncio.create_task(engine.run_jobs()) for engine in engines]
        writers = [asyncio.create_task(write(engines[number % 2], number, 60)) for number in range(6)]
        while not all(writer.done() for writer in writers):
            await consumer.round()
        await asyncio.gather(*writers)
        rotated = len(await consumer.shards())
        async with asyncio.timeout(20):
            while len(await consumer.shards()) <= max(rotated, 2 * lanes) or len(consumer.records) < 360:
                await consumer.round()
        assert await consumer.round() == 0
        check(consumer.records, 360)
        assert len(consumer.finished) >= lanes
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        for engine in engines:
            await engine.close()

    run(backend_name, scenario)


def run(name: str, scenario: Any) -> None:
    """Run a scenario with two handles on one fresh store; memory is its own second handle."""

    async def main() -> None:
        plugin = load_backend(name)
        async with plugin.provision({"memory": "true"}) as settings:
            first = await plugin.open(settings)
            second = await plugin.open(settings) if plugin.capabilities.shared else first
            try:
                async with asyncio.timeout(60):
                    await scenario(first, second)
            finally:
                await first.close()
                if second is not first:
                    await second.close()

    asyncio.run(main())


def answers(engine: Engine, operation: str, **request: Any) -> Any:
    """Return the coroutine of one operation."""
    return engine.execute(operation, CALLER, request)


async def one_shard(engine: Engine, view: str) -> tuple[str, str]:
    created = await answers(
        engine,
        "CreateTable",
        **{**TABLE, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}},
    )
    arn: str = created["TableDescription"]["LatestStreamArn"]
    shards = (await answers(engine, "DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"]
    return arn, shards[0]["ShardId"]


async def read(engine: Engine, arn: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> list[dict[str, Any]]:
    iterator = await answers(engine, "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)
    assert iterator["ShardIterator"].startswith(f"{arn}|")
    records: list[dict[str, Any]] = (await answers(engine, "GetRecords", **iterator))["Records"]
    return records


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_view_types(view: str, images: set[str]) -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        arn, shard = await one_shard(engine, view)
        item = {"id": {"S": "a"}, "v": {"N": "1"}}
        await answers(engine, "PutItem", TableName="watched", Item=item)
        await answers(engine, "PutItem", TableName="watched", Item=item)  # changes nothing
        await answers(engine, "PutItem", TableName="watched", Item={**item, "v": {"N": "2"}})
        await answers(engine, "DeleteItem", TableName="watched", Key={"id": {"S": "a"}})
        await answers(engine, "DeleteItem", TableName="watched", Key={"id": {"S": "a"}})  # changes nothing
        records = await read(engine, arn, shard)
        assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
        insert, modify, remove = (record["dynamodb"] for record in records)
        assert all(change["Keys"] == {"id": {"S": "a"}} for change in (insert, modify, remove))
        assert {name for name in modify if name.endswith("Image")} == images
        assert ("NewImage" in insert) == ("NewImage" in images)
        assert ("OldImage" in remove) == ("OldImage" in images)
        assert all(re.fullmatch(r"\d{21,40}", change["SequenceNumber"]) for change in (insert, modify, remove))
        await engine.close()

    run("memory", scenario)


def test_iterator_types_and_their_errors() -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        now = [1_000_000_000_000]
        engine.context.clock = lambda: now[0]
        arn, shard = await one_shard(engine, "NEW_IMAGE")
        for number in range(4):
            now[0] += 1000
            await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": str(number)}})
        records = await read(engine, arn, shard)
        second = records[1]["dynamodb"]["SequenceNumber"]
        assert await read(engine, arn, shard, "AT_SEQUENCE_NUMBER", SequenceNumber=second) == records[1:]
        assert await read(engine, arn, shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=second) == records[2:]
        assert await read(engine, arn, shard, "AT_TIMESTAMP", Timestamp=now[0] / 1000 - 1) == records[2:]
        assert await read(engine, arn, shard, "LATEST") == []
        iterator = await answers(
            engine, "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        text = iterator["ShardIterator"]
        for forged in (text[:-1] + ("0" if text[-1] != "0" else "1"), text.replace("|1|", "|2|"), "x"):
            with pytest.raises(ServiceError, match="Invalid ShardIterator"):
                await answers(engine, "GetRecords", ShardIterator=forged)
        with pytest.raises(ServiceError, match="Invalid ShardIterator"):
            await engine.execute("GetRecords", Caller(account="111111111111"), {"ShardIterator": text})
        now[0] += 15 * 60 * 1000 + 1
        with pytest.raises(ServiceError, match="ExpiredIteratorException"):
            await answers(engine, "GetRecords", ShardIterator=text)
        await engine.close()

    run("memory", scenario)


def test_trimmed_records_are_gone_and_said_to_be() -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        now = [1_000_000_000_000]
        engine.context.clock = lambda: now[0]
        arn, shard = await one_shard(engine, "NEW_IMAGE")
        await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": "old"}})
        old = (await read(engine, arn, shard))[0]["dynamodb"]["SequenceNumber"]
        now[0] += 25 * 60 * 60 * 1000
        await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": "new"}})
        await tend_streams(engine.context)
        shards = (await answers(engine, "DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"]
        assert len(shards) == 2
        assert shards[1]["ParentShardId"] == shard
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in await read(engine, arn, shard)]
        assert keys == ["new"]
        with pytest.raises(ServiceError, match="TrimmedDataAccessException"):
            await read(engine, arn, shard, "AT_SEQUENCE_NUMBER", SequenceNumber=old)
        await engine.close()

    run("memory", scenario)


def test_two_processes_that_close_one_shard_agree_and_no_record_is_passed_over() -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        arn, parent = await one_shard(engine, "KEYS_ONLY")
        await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": "before"}})
        key = (await backend.documents.list(registry.KIND, limit=1))[0].key
        stream = await registry.find(engine.context, key)
        assert stream is not None
        await asyncio.gather(*(close_shard(engine.context, stream, parent) for _ in range(2)))
        await write_mark(engine.context, stream, stream.shards[0])  # of one that was stopped in the middle
        await close_shard(engine.context, stream, parent)
        await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": "after"}})
        shards = (await answers(engine, "DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"]
        assert [shard.get("ParentShardId") for shard in shards] == [None, parent]
        found = [
            [each["dynamodb"]["Keys"]["id"]["S"] for each in await read(engine, arn, s["ShardId"])] for s in shards
        ]
        assert found == [["before"], ["after"]]
        await engine.close()

    run("memory", scenario)


def test_a_stream_disabled_while_a_shard_is_closed_keeps_what_came_after_the_mark() -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        arn, shard = await one_shard(engine, "KEYS_ONLY")
        key = (await backend.documents.list(registry.KIND, limit=1))[0].key
        stream = await registry.find(engine.context, key)
        assert stream is not None
        await write_mark(engine.context, stream, stream.shards[0])
        await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": "late"}})
        await answers(engine, "DeleteTable", TableName="watched")
        assert [each["dynamodb"]["Keys"]["id"]["S"] for each in await read(engine, arn, shard)] == ["late"]
        await engine.close()

    run("memory", scenario)


def test_an_answer_ends_at_a_megabyte_and_the_store_reads_no_more(backend_name: str) -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        arn, shard = await one_shard(engine, "NEW_AND_OLD_IMAGES")
        for number in range(12):
            size = 400_000 if number % 3 == 1 else 10
            item = {"id": {"S": str(number)}, "v": {"S": "x" * size}}
            await answers(engine, "PutItem", TableName="watched", Item=item)
            for letter in "ab":
                await answers(engine, "PutItem", TableName="watched", Item={**item, "w": {"S": letter * 9_000}})
        given = await answers(
            engine, "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        iterator = given["ShardIterator"]
        seen: list[tuple[str, int, int]] = []
        reads = watched(backend)
        while len(seen) < 36:
            answer = await answers(engine, "GetRecords", ShardIterator=iterator)
            changes = [each["dynamodb"] for each in answer["Records"]]
            sizes = [len(codec.dump(change)) for change in changes]
            assert sizes
            assert len(sizes) == 1 or sum(sizes) <= 1024 * 1024 + 300 * len(sizes)
            seen += [(c["Keys"]["id"]["S"], len(codec.dump(c.get("OldImage"))), c["SizeBytes"]) for c in changes]
            iterator = answer["NextShardIterator"]
        assert [name for name, _, _ in seen] == [str(number // 3) for number in range(36)]
        assert max(size for _, _, size in seen) > 818_000
        assert len(reads) < 20
        assert max(reads) <= 1024 * 1024
        assert sum(reads) < 1.05 * sum(size for _, _, size in seen)
        await engine.close()

    run(backend_name, scenario)


def watched(backend: Backend) -> list[int]:
    """Return a list that gets the bytes of each read of a stream from now on."""
    reads: list[int] = []
    read = backend.streams.read

    async def counting(stream: str, **bounds: Any) -> Records:
        found = await read(stream, **bounds)
        reads.append(sum(len(each.body) for each in found.records))
        return found

    backend.streams.read = counting  # type: ignore[method-assign]
    return reads


def test_marks_are_passed_over_and_a_closed_shard_ends(backend_name: str) -> None:
    """Stray marks take no record's place in an answer, also when a bound ends every read."""

    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        arn, parent = await one_shard(engine, "KEYS_ONLY")
        key = (await backend.documents.list(registry.KIND, limit=1))[0].key
        stream = await registry.find(engine.context, key)
        assert stream is not None
        await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": "before"}})
        await close_shard(engine.context, stream, parent)
        for name in "012":
            for _again in range(3):
                await write_mark(engine.context, stream, stream.shards[0])
            await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": name}})
        shards = (await answers(engine, "DescribeStream", StreamArn=arn))["StreamDescription"]["Shards"]
        assert await drained(engine, arn, parent) == [["before"], None]
        following = await drained(engine, arn, shards[1]["ShardId"], most=4)
        assert following == [["0"], ["1"], ["2"], []]
        stream = await registry.find(engine.context, key)
        assert stream is not None
        await close_shard(engine.context, stream, shards[1]["ShardId"])
        assert await drained(engine, arn, shards[1]["ShardId"]) == [["0"], ["1"], ["2"], None]
        await engine.close()

    run(backend_name, scenario)


async def drained(engine: Engine, arn: str, shard: str, most: int = 9) -> list[list[str] | None]:
    """Return the keys of each answer with Limit 1, and None for the one that ends the shard without a record."""
    given = await answers(engine, "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    iterator, found = given["ShardIterator"], list[list[str] | None]()
    while iterator is not None and len(found) < most:
        answer = await answers(engine, "GetRecords", ShardIterator=iterator, Limit=1)
        iterator = answer.get("NextShardIterator")
        names = [each["dynamodb"]["Keys"]["id"]["S"] for each in answer["Records"]]
        found.append(names if names or iterator else None)
    return found


def test_an_answer_holds_no_more_records_than_wanted() -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        arn, shard = await one_shard(engine, "KEYS_ONLY")
        for number in range(100):
            await answers(engine, "PutItem", TableName="watched", Item={"id": {"S": str(number)}})
        iterator = await answers(
            engine, "GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        for limit in (1, 15, 16, 17, 80, 81, 100, 1000):
            records = (await answers(engine, "GetRecords", **iterator, Limit=limit))["Records"]
            assert [each["dynamodb"]["Keys"]["id"]["S"] for each in records] == [
                str(number) for number in range(min(limit, 100))
            ]
        for operation, given, limit in (
            ("GetRecords", iterator, 1001),
            ("DescribeStream", {"StreamArn": arn}, 101),
            ("ListStreams", {}, 101),
        ):
            with pytest.raises(ServiceError, match=f"less than or equal to {limit - 1}"):
                await answers(engine, operation, **given, Limit=limit)
        await engine.close()

    run("memory", scenario)


def test_a_stream_that_no_table_feeds_ends() -> None:
    async def scenario(backend: Backend, _: Backend) -> None:
        engine = Engine(backend)
        now = [1_000_000_000_000]
        engine.context.clock = lambda: now[0]
        await one_shard(engine, "KEYS_ONLY")
        orphan = registry.new_stream(
            engine.context,
            namespace=CALLER.account,
            arn=TableArn(region="r", account=CALLER.account, table="gone"),
            view="KEYS_ONLY",
            key_schema=[],
        )
        await registry.register(engine.context, orphan)
        for elapsed, expected in ((0, {"gone", "watched"}), (61_000, {"watched"})):
            now[0] += elapsed
            await tend_streams(engine.context)
            documents = await backend.documents.list(registry.KIND, limit=9)
            streams = [registry.from_body(document.body) for document in documents]
            assert {each.table for each in streams if each.disabled is None} == expected
        await engine.close()

    run("memory", scenario)
