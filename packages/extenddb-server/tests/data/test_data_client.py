"""The client and the follower against scripted answers: what is repeated, what is not, and in which order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from extenddb.server.auth.signing import KeyPair
from extenddb.server.data import lineage
from extenddb.server.data.client import Client
from extenddb.server.data.endpoints import Endpoint, FixedKeys
from extenddb.server.data.errors import DataError, ServiceFailure, Unreachable
from extenddb.server.data.following import Follower
from extenddb.server.data.pacing import Rate, Time
from extenddb.server.data.writing import Write, Writer, delete, put

KEYS = FixedKeys(KeyPair(access_key_id="a", secret_access_key="b"))


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = time.time()
        self.slept = 0
        self.time = Time(wall=lambda: self.now, steady=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.slept += 1
        await asyncio.sleep(0)


Answer = tuple[int, Any] | tuple[int, Any, float]


def talk(answers: list[Answer], conversation: Callable[[Client, Hours], Coroutine[Any, Any, Any]]) -> list[Any]:
    """Answer the requests of a client in turn; return what was asked."""
    asked: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.headers["x-amz-target"], json.loads(await request.read())))
        status, body, *clock = answers.pop(0)
        date = formatdate(clock[0] if clock else time.time(), usegmt=True)
        return web.Response(
            status=status, text=body if isinstance(body, str) else json.dumps(body), headers={"Date": date}
        )

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        hours = Hours()
        where = Endpoint(url=url, streams_url=url, region="eu-west-1")
        try:
            async with Client(where, KEYS, times=hours.time, patience=100) as client:
                await conversation(client, hours)
        finally:
            await runner.cleanup()

    asyncio.run(main())
    assert answers == []
    return asked


def error(code: str, message: str = "") -> dict[str, str]:
    """Return the body of an error."""
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}


def test_what_passes_is_repeated_and_what_does_not_is_told() -> None:
    async def conversation(client: Client, hours: Hours) -> None:
        assert await client.call("GetItem", {"a": 1}) == {"ok": True}
        assert hours.slept == 4
        with pytest.raises(ServiceFailure, match="refused GetRecords: AccessDeniedException: no"):
            await client.call("GetRecords", {}, streams=True)

    asked = talk(
        [
            (500, error("InternalServerError")),
            (400, error("ProvisionedThroughputExceededException")),
            (503, "<html>"),
            (200, "no json"),
            (200, {"ok": True}),
            (400, error("AccessDeniedException", "no")),
        ],
        conversation,
    )
    assert [each[0] for each in asked] == ["DynamoDB_20120810.GetItem"] * 5 + ["DynamoDBStreams_20120810.GetRecords"]


def test_patience_ends() -> None:
    async def conversation(client: Client, hours: Hours) -> None:
        client.patience = 0.01
        with pytest.raises(Unreachable, match="does not do GetItem: ThrottlingException: slowly"):
            await client.call("GetItem", {})

    talk([(400, error("ThrottlingException", "slowly"))], conversation)


def test_a_wrong_clock_is_set_by_the_answers() -> None:
    ahead = 3600.0

    async def conversation(client: Client, hours: Hours) -> None:
        await client.call("GetItem", {})
        assert client.now() - hours.now == pytest.approx(ahead, abs=5)

    late = error("InvalidSignatureException", "Signature expired: x is now earlier than y")
    talk([(400, late, time.time() + ahead), (200, {}, time.time() + ahead)], conversation)


def test_unprocessed_items_are_written_again() -> None:
    writes = [put({"p": {"S": "a"}}), delete({"p": {"S": "b"}})]
    left = {"T": [json.loads(writes[1].body)]}

    async def conversation(client: Client, hours: Hours) -> None:
        await Writer(client, "T", Rate(None, hours.time)).write(writes)
        assert hours.slept == 1

    asked = talk([(200, {"UnprocessedItems": left}), (200, {"UnprocessedItems": {}})], conversation)
    assert asked[0][1] == {"RequestItems": {"T": [json.loads(write.body) for write in writes]}}
    assert asked[1][1] == {"RequestItems": left}


def test_items_that_stay_unprocessed_end_the_patience() -> None:
    left = {"UnprocessedItems": {"T": [json.loads(put({"p": {"S": "a"}}).body)]}}

    async def conversation(client: Client, hours: Hours) -> None:
        client.patience = 0.01
        with pytest.raises(Unreachable, match="left 1 items of a batch unprocessed"):
            await Writer(client, "T", Rate(None, hours.time)).write([put({"p": {"S": "a"}})])

    talk([(200, left)], conversation)


class FakeStream:
    """A source whose stream is given by shards of pages; iterators are `shard:page:age`."""

    def __init__(self, shards: dict[str, tuple[str | None, list[list[int]]]], *, open_shards: set[str]) -> None:
        self.shards = shards
        self.open = open_shards
        self.times = Time()
        self.applied: list[str] = []
        self.failures: list[tuple[str, str]] = []
        """Operation and code of errors to come."""

    def now(self) -> float:
        """Return the time of the source."""
        return 5000.0

    async def call(self, operation: str, request: dict[str, Any], *, streams: bool) -> dict[str, Any]:
        """Answer as the service does."""
        assert streams
        await asyncio.sleep(0)
        if self.failures and self.failures[0][0] == operation:
            raise ServiceFailure(self.failures.pop(0)[1], "", operation=operation, url="x")
        if operation == "DescribeStream":
            return {
                "StreamDescription": {"StreamStatus": "ENABLED", "Shards": [self._shard(name) for name in self.shards]}
            }
        if operation == "GetShardIterator":
            return {"ShardIterator": f"{request['ShardId']}:{self._page(request)}"}
        name, _, page = request["ShardIterator"].partition(":")
        return self._records(name, int(page))

    def _shard(self, name: str) -> dict[str, Any]:
        numbers = {"StartingSequenceNumber": "1", **({} if name in self.open else {"EndingSequenceNumber": "9"})}
        parent = self.shards[name][0]
        return {"ShardId": name, "SequenceNumberRange": numbers, **({"ParentShardId": parent} if parent else {})}

    def _page(self, request: dict[str, Any]) -> int:
        if request["ShardIteratorType"] == "TRIM_HORIZON":
            return 0
        assert request["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER"
        pages = self.shards[request["ShardId"]][1]
        return next(at for at, page in enumerate(pages) if page and str(page[-1]) == request["SequenceNumber"]) + 1

    def _records(self, name: str, page: int) -> dict[str, Any]:
        pages = self.shards[name][1]
        answer: dict[str, Any] = {"Records": [change(number) for number in pages[page]] if page < len(pages) else []}
        if name in self.open or page + 1 < len(pages):
            answer["NextShardIterator"] = f"{name}:{min(page + 1, len(pages))}"
        return answer

    async def apply(self, writes: Any) -> None:
        """Note what is applied."""
        each: Write
        for each in writes:
            self.applied.append(json.loads(each.body)["PutRequest"]["Item"]["v"]["N"])

    def follow(self, states: lineage.States, **more: Any) -> bool:
        """Follow until caught up."""
        follower = Follower(
            self,  # type: ignore[arg-type]
            "arn",
            states,
            self.apply,
            **{"began": 4000.0, "settle": 0.3, "noted": lambda _count: None, **more},
        )
        return asyncio.run(asyncio.wait_for(follower.run(until_caught_up=True), 60))


def change(number: int, created: float = 4500.0) -> dict[str, Any]:
    """Return the record of a put."""
    new = {"p": {"S": str(number)}, "v": {"N": str(number)}}
    times = {"SequenceNumber": str(number), "ApproximateCreationDateTime": 10.0 if number >= 900 else created}
    return {"eventName": "INSERT", "dynamodb": {"Keys": {"p": new["p"]}, "NewImage": new, **times}}


def family() -> FakeStream:
    """Return a stream whose shard was followed by another, and that by two; an open one has nothing in its middle."""
    return FakeStream(
        {
            "left": ("middle", [[5], [], [6]]),
            "right": ("middle", [[7]]),
            "middle": ("first", [[3], [4]]),
            "first": ("gone", [[1], [], [2]]),
        },
        open_shards={"left", "right"},
    )


def states(**shards: dict[str, Any]) -> lineage.States:
    """Return states of shards."""
    return {name: {"after": None, "done": False, "seen": 4900.0, **state} for name, state in shards.items()}


def test_shards_are_applied_parents_first_and_to_their_ends() -> None:
    stream, kept = family(), states(first={})
    assert stream.follow(kept) is False
    assert stream.applied[:4] == ["1", "2", "3", "4"]
    assert sorted(stream.applied) == ["1", "2", "3", "4", "5", "6", "7"]
    assert stream.applied.index("5") < stream.applied.index("6")
    assert {name: (state["after"], state["done"]) for name, state in kept.items()} == {
        "first": ("2", True), "middle": ("4", True), "left": ("6", False), "right": ("7", False),
    }  # fmt: skip


def test_following_goes_on_behind_what_was_applied() -> None:
    stream = family()
    stream.follow(states(first={"done": True, "after": "2"}, middle={"after": "3"}))
    assert sorted(stream.applied) == ["4", "5", "6", "7"]


def test_iterators_that_expire_are_asked_for_again() -> None:
    stream = family()
    stream.failures = [("GetRecords", "ExpiredIteratorException")] * 3
    stream.follow(states(first={}))
    assert sorted(stream.applied) == ["1", "2", "3", "4", "5", "6", "7"]


def test_what_is_surely_older_than_the_copy_is_passed_over() -> None:
    stream = FakeStream({"only": (None, [[900, 1], [901]])}, open_shards={"only"})
    kept = states(only={})
    stream.follow(kept)
    assert stream.applied == ["1"]
    assert kept["only"]["after"] == "901"


def test_a_trimmed_place_is_no_loss_while_everything_was_seen() -> None:
    stream = FakeStream({"only": (None, [[1], [2]])}, open_shards={"only"})
    stream.failures = [("GetShardIterator", "TrimmedDataAccessException")]
    stream.follow(states(only={"after": "1"}))
    assert stream.applied == ["1", "2"]


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_a_loss_is_told(code: str) -> None:
    stream = FakeStream({"only": (None, [[1], [2]])}, open_shards={"only"})
    stream.failures = [("GetShardIterator", code)]
    with pytest.raises(DataError, match="no longer holds all changes"):
        stream.follow(states(only={"after": "1", "seen": 5000.0 - 86_400}))


def test_a_place_never_read_must_not_be_too_old() -> None:
    stream = FakeStream({"only": (None, [[1]])}, open_shards={"only"})
    with pytest.raises(DataError, match="no longer holds all changes"):
        stream.follow(states(only={"seen": 5000.0 - 86_400}))
    assert stream.applied == []
