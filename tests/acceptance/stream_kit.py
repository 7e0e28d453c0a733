"""A consumer of streams as the Kinesis Client Library is one, and what must hold of everything it read.

Workers take a lease on a shard, read on from its checkpoint, write the checkpoint down with the records they
processed, and begin no shard before its parent is read to the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config

from extenddb.server.testing import Server

PATIENCE = 45.0  # seconds for anything to happen
HORIZON = "TRIM_HORIZON"
SHARD_END = "SHARD_END"
_PAUSE = 0.01
_BATCHES = 3  # read under one lease

Record = dict[str, Any]


@dataclass
class Progress:
    """What a consumer keeps: it survives the consumer."""

    checkpoints: dict[str, str] = field(default_factory=dict)
    """By shard: HORIZON, SHARD_END, or the sequence number of the last record processed."""
    records: dict[str, list[Record]] = field(default_factory=dict)
    """By shard: what was processed, in order."""

    def all_records(self) -> list[Record]:
        """Return everything processed; those of one key are in the order in which they were."""
        return [each for records in self.records.values() for each in records]

    @property
    def count(self) -> int:
        """How many records were processed."""
        return sum(map(len, self.records.values()))


class Consumer:
    """Workers in threads, as long as the context lasts."""

    def __init__(self, server: Server, arn: str, progress: Progress, *, workers: int = 2, limit: int = 50) -> None:
        self._server = server
        self._arn = arn
        self._progress = progress
        self._limit = limit
        self._lock = threading.Lock()
        self._leased: set[str] = set()
        self._stop = threading.Event()
        self.errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._work) for _ in range(workers)]

    def __enter__(self) -> Consumer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        streams = client(self._server, "dynamodbstreams")
        try:
            while not self._stop.is_set():
                shard = self._lease(shards(streams, self._arn))
                if shard is not None:
                    try:
                        self._process(streams, shard)
                    finally:
                        with self._lock:
                            self._leased.discard(shard)
                self._stop.wait(_PAUSE)
        except Exception as error:
            self.errors.append(error)

    def _lease(self, known: list[dict[str, Any]]) -> str | None:
        """Take the shard that may be read and has been left alone for longest."""
        checkpoints = self._progress.checkpoints
        names = {shard["ShardId"] for shard in known}
        with self._lock:
            for shard in known:
                parent = shard.get("ParentShardId")
                if parent is None or parent not in names or checkpoints.get(parent) == SHARD_END:
                    checkpoints.setdefault(shard["ShardId"], HORIZON)
            free = [n for n, at in checkpoints.items() if at != SHARD_END and n not in self._leased]
            if not free:
                return None
            chosen = free[0]
            checkpoints[chosen] = checkpoints.pop(chosen)  # to the end of the queue
            self._leased.add(chosen)
            return chosen

    def _process(self, streams: Any, shard: str) -> None:
        iterator: str | None = self._iterator(streams, shard)
        for _ in range(_BATCHES):
            answer = streams.get_records(ShardIterator=iterator, Limit=self._limit)
            iterator = answer.get("NextShardIterator")
            with self._lock:
                if answer["Records"]:
                    self._progress.records.setdefault(shard, []).extend(answer["Records"])
                    self._progress.checkpoints[shard] = answer["Records"][-1]["dynamodb"]["SequenceNumber"]
                if iterator is None:
                    self._progress.checkpoints[shard] = SHARD_END
            if iterator is None or not answer["Records"]:
                return

    def _iterator(self, streams: Any, shard: str) -> str:
        at = self._progress.checkpoints[shard]
        where = (
            {"ShardIteratorType": HORIZON}
            if at == HORIZON
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": at}
        )
        iterator: str = streams.get_shard_iterator(StreamArn=self._arn, ShardId=shard, **where)["ShardIterator"]
        return iterator


def client(server: Server, service: str = "dynamodb") -> Any:
    """Return a client that repeats nothing, so that what it was told is what happened."""
    return server.client(service, config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20))


def shards(streams: Any, arn: str, page: int = 7) -> list[dict[str, Any]]:
    """Return all shards of a stream, asked for by small pages."""
    found: list[dict[str, Any]] = []
    start: dict[str, str] = {}
    while True:
        description = streams.describe_stream(StreamArn=arn, Limit=page, **start)["StreamDescription"]
        found += description["Shards"]
        if "LastEvaluatedShardId" not in description:
            return found
        start = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}


def wait_until(holds: Callable[[], bool], what: str, server: Server) -> None:
    """Return when a condition holds; fails with the server's log when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}\n{server.logs()[-4000:]}"
        time.sleep(0.02)


def items_of(dynamodb: Any, table: str, **more: Any) -> list[dict[str, Any]]:
    """Return all items of a table, or an index."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, **more)
    return [item for page in pages for item in page["Items"]]


def replayed(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Return what a table holds after these changes, by `id`; every change must fit what was there before it."""
    items: dict[str, dict[str, Any]] = {}
    for record in records:
        change = record["dynamodb"]
        key = change["Keys"]["id"]["S"]
        old, new = change.get("OldImage"), change.get("NewImage")
        assert old == items.get(key), (record, items.get(key))
        assert old != new
        assert record["eventName"] == ("INSERT" if old is None else "REMOVE" if new is None else "MODIFY")
        if new is None:
            del items[key]
        else:
            items[key] = new
    return items


def check_lineage(known: list[dict[str, Any]], progress: Progress) -> None:
    """Every record once and within its shard; children go on behind their parents."""
    numbers = {
        shard: [int(each["dynamodb"]["SequenceNumber"]) for each in records]
        for shard, records in progress.records.items()
    }
    together = [number for each in numbers.values() for number in each]
    assert len(together) == len(set(together))
    assert all(each == sorted(each) for each in numbers.values())
    assert len({record["eventID"] for record in progress.all_records()}) == len(together)
    by_id = {shard["ShardId"]: shard for shard in known}
    assert numbers.keys() <= by_id.keys()
    for name, shard in by_id.items():
        limits = shard["SequenceNumberRange"]
        ending = int(limits["EndingSequenceNumber"]) if "EndingSequenceNumber" in limits else None
        for number in numbers.get(name, ()):
            assert int(limits["StartingSequenceNumber"]) <= number
            assert ending is None or number <= ending
        parent = by_id.get(shard.get("ParentShardId", ""))
        if parent is not None:
            behind = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
            assert int(limits["StartingSequenceNumber"]) == behind + 1
