"""Tables, objects and a past, made in this process before any server runs; and what must be found afterwards.

Everything expected is computed from the same numbers, never read from a store. The engine is given a clock of its own,
so that there are changes half an hour ago to go back to and to export.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from extenddb.engine import Caller, Engine, EngineSettings
from extenddb.engine.buckets import FolderBuckets
from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import STEPS
from extenddb.storage.registry import load_backend

Item = dict[str, Any]
Items = dict[str, Item]
"""By the value of `id`."""

CALLER = Caller(account="000000000000", region="us-east-1")
ARN = f"arn:aws:dynamodb:{CALLER.region}:{CALLER.account}:table"
SOURCE, LOADED, FILLED = "source", "loaded", "filled"
"""Tables: what is exported, backed up and restored; what is imported; what a bulk put goes into."""
INDEX = "by-group"
INPUT, OUTPUT = "input", "output"
"""Buckets."""
ROWS = 42_000  # of the source: several data files, and several seconds of restoring
IMPORTED = 12_000
PUT = 6_000
EXISTING = 400
OBJECTS = 8
_GROUPS = 40
_MINUTE_MS = 60_000
_BATCH = 25
_AT_ONCE = 8

KEYS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "group", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": INDEX,
            "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
BAD = [b"no json", b'{"Item": {"other": {"S": "x"}}}', b'{"Item": {"id": {"N": "1"}}}']
"""Records that are no items of these tables, in every object."""


def item(name: str, number: int, *, size: int = 0) -> Item:
    """Return an item; every tenth has no place in the index."""
    made: Item = {"id": {"S": name}, "n": {"N": str(number)}}
    if number % 10:
        made["group"] = {"S": str(number % _GROUPS)}
    if size:
        made["pad"] = {"S": f"{number:x}" * size}
    return made


def by_id(items: Iterable[Item]) -> Items:
    """Return items by id; none may be there twice."""
    listed = [*items]
    found = {each["id"]["S"]: each for each in listed}
    assert len(found) == len(listed)
    return found


def indexed(items: Items) -> Items:
    """Return the items that have a place in the index."""
    return {name: each for name, each in items.items() if "group" in each}


@dataclass(frozen=True, kw_only=True)
class Records:
    """Lines of one object to be read."""

    good: list[Item]
    conditional: list[Item] = field(default_factory=list)
    """Put only where there is none: `attribute_not_exists(id)`."""

    def lines(self) -> list[bytes]:
        """Return the object's records in order."""
        guarded = ({"Item": each, "ConditionExpression": "attribute_not_exists(id)"} for each in self.conditional)
        plain = ({"Item": each} for each in self.good)
        return [*(json.dumps(each).encode() for each in chain(plain, guarded)), *BAD]


@dataclass(kw_only=True)
class World:
    """What was made, and what must be found."""

    at_moment: Items
    """The source at `moment`, and in the backup."""
    moment: int
    """Seconds since the epoch."""
    before: Items
    """The source when the incremental export's period begins."""
    now: Items
    """The source when the period ends, and when the server starts."""
    period: tuple[int, int]
    """Seconds since the epoch."""
    backup: str
    """ARN."""
    imported: dict[str, Records]
    """By key of the object."""
    put: dict[str, Records]
    existing: Items
    """What the bulk put's table holds before."""


def object_key(number: int) -> str:
    """Return a key that begins like others do."""
    return f"part-{number:02}.json.gz"


def import_records() -> dict[str, Records]:
    """Return what is imported; in every object one key stands twice, and its last record counts."""
    found = {}
    for part in range(OBJECTS):
        numbers = range(part, IMPORTED, OBJECTS)
        twice = [item(f"{part:06}", -1 - part, size=40)]
        found[object_key(part)] = Records(good=[*twice, *(item(f"{each:06}", each, size=40) for each in numbers)])
    return found


def put_records() -> dict[str, Records]:
    """Return what a bulk put is given: new items, one of them twice, and conditions that hold or do not."""
    found = {}
    for part in range(OBJECTS):
        made = [item(f"{each:06}", each) for each in range(part, PUT, OBJECTS)]
        plain, guarded = made[: len(made) * 3 // 4], made[len(made) * 3 // 4 :]
        taken = [item(f"there-{each}", each) for each in range(part, EXISTING, OBJECTS)]
        mixed = [each for pair in zip(guarded, taken, strict=False) for each in pair] + guarded[len(taken) :]
        found[object_key(part)] = Records(good=[item(f"{part:06}", -1 - part), *plain], conditional=mixed)
    return found


def write_objects(root: Path, folder: str, objects: dict[str, Records]) -> None:
    """Write the objects into the bucket."""
    for key, records in objects.items():
        path = root / INPUT / folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"\n".join(records.lines()) + b"\n", 1))


class Past:
    """An engine over the store of a server that does not run yet, at whatever time it is told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ago = 0.0
        """Minutes."""
        engine.context.clock = lambda: int(time.time() * 1000 - self.ago * _MINUTE_MS)

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Return the answer to a request, as a client would see it."""
        return await self.engine.execute(operation, CALLER, request)

    async def write(self, table: str, puts: Iterable[Item], deletes: Iterable[str] = ()) -> None:
        """Put and delete items, many at a time."""
        requests: list[Any] = [{"PutRequest": {"Item": each}} for each in puts]
        requests += [{"DeleteRequest": {"Key": {"id": {"S": name}}}} for name in deletes]
        batches = [requests[first : first + _BATCH] for first in range(0, len(requests), _BATCH)]
        for first in range(0, len(batches), _AT_ONCE):
            group = batches[first : first + _AT_ONCE]
            await asyncio.gather(*(self.call("BatchWriteItem", RequestItems={table: each}) for each in group))


@contextlib.asynccontextmanager
async def past(folder: Path) -> AsyncIterator[Past]:
    """Open the store that a server with this data folder will have, and do its background work."""
    plugin = load_backend("postgres")
    async with plugin.provision({"data_dir": str(folder)}) as settings:
        backend = await plugin.open(settings)
        engine = Engine(backend, EngineSettings(settle_seconds=60.0), buckets=FolderBuckets(folder / "buckets"))
        jobs = asyncio.create_task(Jobs(engine.context, STEPS, ()).run())
        try:
            yield Past(engine)
        finally:
            jobs.cancel()
            await asyncio.gather(jobs, return_exceptions=True)
            await engine.close()
            await backend.close()


async def _source(made: Past, buckets: Path) -> Items:
    """Make the source, filled by an import, with recovery switched on."""
    items = {name: item(name, number) for number in range(ROWS) if (name := f"{number:06}")}
    write_objects(buckets, "first", {object_key(0): Records(good=[*items.values()])})
    await made.call(
        "ImportTable",
        S3BucketSource={"S3Bucket": INPUT, "S3KeyPrefix": "first/"},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={"TableName": SOURCE, **KEYS},
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    await made.call("UpdateContinuousBackups", TableName=SOURCE, PointInTimeRecoverySpecification=recovery)
    return items


async def _change(made: Past, items: Items, salt: int) -> Items:
    """Change some items, remove some, add some, and return what is there then."""
    changed = [item(f"{number:06}", number + salt) for number in range(salt, ROWS, 29)]
    added = [item(f"new-{salt}-{number}", number) for number in range(700)]
    removed = [f"{number:06}" for number in range(salt + 1, ROWS, 37)]
    left = {**items, **by_id([*changed, *added])}
    removed = [name for name in removed if name in items and left[name] is items[name]]
    await made.write(SOURCE, [*changed, *added], removed)
    return {name: each for name, each in left.items() if name not in set(removed)}


async def make_world(folder: Path) -> World:
    """Make everything."""
    buckets = folder / "buckets"
    imported, put = import_records(), put_records()
    write_objects(buckets, "import/", imported)
    write_objects(buckets, "put/", put)
    existing = by_id(item(f"there-{number}", -number) for number in range(EXISTING))
    async with past(folder) as made:
        made.ago = 50
        before = await _source(made, buckets)
        begin = int(time.time() - 40 * 60)
        made.ago = 30
        at_moment = await _change(made, before, 3)
        moment = int(time.time() - 25 * 60)
        made.ago = 20
        answer = await made.call("CreateBackup", TableName=SOURCE, BackupName="first")
        made.ago = 10
        now = await _change(made, at_moment, 5)
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        await made.call("CreateTable", TableName=FILLED, **KEYS, StreamSpecification=stream)
        await made.write(FILLED, existing.values())
        end = int(time.time() - 5 * 60)
    return World(
        before=before,
        at_moment=at_moment,
        now=now,
        moment=moment,
        period=(begin, end),
        backup=answer["BackupDetails"]["BackupArn"],
        imported=imported,
        put=put,
        existing=existing,
    )
