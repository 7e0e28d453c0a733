"""Fills a table through the front door, as fast as the server takes it."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
from benchmarks.harness import data
from benchmarks.harness.client import ClosedLoop, Tally, error_of
from benchmarks.harness.control import call
from benchmarks.harness.scenarios import SCENARIOS
from benchmarks.harness.sign import Signer
from benchmarks.harness.target import Target

_BATCH = 25
_CLIENTS = 32
TABLES = {table.name: table for scenario in SCENARIOS for table in scenario.tables}
"""Every table of the scenarios by name."""


class FillError(Exception):
    """A table could not be filled; the text says which error came back."""


def _batches_work(target: Target, table: data.Table) -> bool:
    keys = data.item(0)
    answer = call(target, "BatchWriteItem", {"RequestItems": {table.name: [{"PutRequest": {"Item": keys}}]}})
    if not answer.error:
        # The trial's item may be none of the table's own.
        call(target, "DeleteItem", {"TableName": table.name, "Key": data.key(0)})
    return not answer.error


def _requests(signer: Signer, table: data.Table, items: Iterator[data.Item], *, batches: bool) -> Iterator[bytes]:
    if not batches:
        for item in items:
            yield signer.request("PutItem", orjson.dumps({"TableName": table.name, "Item": item}))
        return
    while chunk := list(itertools.islice(items, _BATCH)):
        puts = [{"PutRequest": {"Item": item}} for item in chunk]
        yield signer.request("BatchWriteItem", orjson.dumps({"RequestItems": {table.name: puts}}))


async def fill(job: dict[str, Any]) -> dict[str, Any]:
    """Load one table. Raises FillError if any item was refused."""
    target, table = Target(**job["target"]), TABLES[job["table"]]
    batches = _batches_work(target, table)
    items = table.items(job["items"], job["pool"])
    failures: Counter[str] = Counter()

    def check(status: int, answer: bytes) -> None:
        if status != 200:
            failures[error_of(status, answer)] += 1
        elif batches and b'"UnprocessedItems":{}' not in answer.replace(b" ", b""):
            failures["UnprocessedItems"] += 1

    load = ClosedLoop(target, _requests(Signer(target), table, items, batches=batches), Tally(), check)
    await load.open(_CLIENTS)
    await load.exhausted.wait()
    await load.finish()
    await asyncio.sleep(0)
    if failures:
        raise FillError(f"table {table.name}: {dict(failures)}")
    return {"batches": batches, "requests": load.sent}
