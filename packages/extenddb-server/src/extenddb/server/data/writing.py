"""Writing many items: batches of the largest size, several at a time, repeated until everything is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from extenddb.server.data.client import Client
from extenddb.server.data.errors import Unreachable
from extenddb.server.data.pacing import Rate, pause

BATCH_ITEMS = 25
"""Writes in one BatchWriteItem (API reference)."""
BATCH_BYTES = 12_000_000
"""Bytes of JSON in one batch: safely within the 16 MB of a request."""
PARALLEL = 8
"""Batches under way at the same time."""


@dataclass(frozen=True, slots=True)
class Write:
    """One put or delete, as JSON."""

    body: bytes


def put(item: Mapping[str, Any]) -> Write:
    """Return the write that stores an item."""
    return Write(orjson.dumps({"PutRequest": {"Item": item}}))


def delete(key: Mapping[str, Any]) -> Write:
    """Return the write that removes an item."""
    return Write(orjson.dumps({"DeleteRequest": {"Key": key}}))


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Cut writes into batches."""
    batch: list[Write] = []
    size = 0
    for write in writes:
        if batch and (len(batch) == BATCH_ITEMS or size + len(write.body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += len(write.body)
    if batch:
        yield batch


class Writer:
    """Writes to one table. The order among the writes of one call is open: name each key only once in it."""

    def __init__(self, client: Client, table: str, rate: Rate) -> None:
        self._client = client
        self._table = table
        self._rate = rate
        self._room = asyncio.Semaphore(PARALLEL)

    async def write(self, writes: Sequence[Write]) -> None:
        """Return when all writes are stored. Raises DataError."""
        cut = list(batches(writes))
        if len(cut) == 1:
            await self._batch(cut[0])
            return
        async with asyncio.TaskGroup() as group:
            for batch in cut:
                group.create_task(self._batch(batch))

    async def _batch(self, batch: list[Write]) -> None:
        async with self._room:
            await self._rate.take(len(batch))
            await self._until_stored([orjson.Fragment(write.body) for write in batch])

    async def _until_stored(self, requests: list[Any]) -> None:
        steady = self._client.times.steady
        moved, attempt = steady(), 0
        while True:
            answer = await self._client.call("BatchWriteItem", {"RequestItems": {self._table: requests}})
            left = (answer.get("UnprocessedItems") or {}).get(self._table) or []
            if not left:
                return
            if len(left) < len(requests):
                moved, attempt = steady(), 0
            wait = pause(attempt)
            if steady() + wait - moved > self._client.patience:
                raise Unreachable(f"{self._client.endpoint.url} left {len(left)} items of a batch unprocessed.")
            await self._client.times.sleep(wait)
            requests, attempt = left, attempt + 1
