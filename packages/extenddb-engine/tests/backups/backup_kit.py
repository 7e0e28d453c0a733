"""What the tests of backups, exports and imports share: a store with a clock one can set, and jobs run by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, EngineSettings, codec
from extenddb.engine.buckets import Buckets, FolderBuckets
from extenddb.engine.jobs.runner import KIND
from extenddb.engine.jobs.table import STEPS
from extenddb.storage.contract import checked
from extenddb.storage.registry import load_backend
from extenddb.storage.spi import Backend

CALLER = Caller(account="123456789012", region="eu-north-1")
START = 1_700_000_000_000
"""Where the clock begins, in milliseconds."""

Item = dict[str, Any]


class Clock:
    """Time that passes when told to, and a millisecond at each look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def skip(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


class Service:
    """An engine over a store, whose jobs run only in `work`."""

    def __init__(
        self,
        backend: Backend,
        root: Path | None = None,
        clock: Clock | None = None,
        *,
        buckets: Buckets | None = None,
    ) -> None:
        self.backend = backend
        self.root = root
        self.clock = clock or Clock()
        self.engine = Engine(
            backend,
            EngineSettings(settle_seconds=0.0),
            buckets=FolderBuckets(root) if root is not None else buckets,
        )
        self.engine.context.clock = self.clock

    def restarted(self) -> Service:
        """Return another engine over the same store, as after a crash of this one."""
        return Service(self.backend, self.root, self.clock)

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return await self.engine.execute(operation, CALLER, request)

    async def refused(self, operation: str, **request: Any) -> str:
        """Return the name of the error an operation must answer with."""
        with pytest.raises(ServiceError) as caught:
            await self.call(operation, **request)
        return caught.value.kind.name

    async def step(self, *, lost: bool = False) -> bool:
        """Do one step of every job, as a server's runner does; a lost one is not noted, as when the process dies."""
        documents = await self.backend.documents.list(KIND, limit=100)
        for document in documents:
            job = codec.parse(document.body)
            state = await STEPS[job["Type"]](self.engine.context, job["State"])
            if lost:
                continue
            if state is None:
                await self.backend.documents.delete(KIND, document.key, expected=document.version)
            else:
                body = codec.dump({"Type": job["Type"], "State": state})
                await self.backend.documents.put(KIND, document.key, body, expected=document.version)
        return bool(documents)

    async def work(self) -> None:
        """Run all jobs to their end."""
        async with asyncio.timeout(60):
            while await self.step():
                pass

    async def work_with_crashes(self, between: Callable[[], Awaitable[None]] | None = None) -> int:
        """Run all jobs to their end, every step of them twice by processes that know nothing of each other.

        Returns the number of steps; `between` is done after each.
        """
        count = 0
        async with asyncio.timeout(60):
            while await self.backend.documents.list(KIND, limit=1):
                await self.restarted().step(lost=True)
                await self.restarted().step()
                count += 1
                if between is not None:
                    await between()
        return count

    async def table(self, name: str = "source", **members: Any) -> dict[str, Any]:
        """Create a table with a partition and a sort key and a global index, and return its description."""
        request: dict[str, Any] = {
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
                {"AttributeName": "color", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-color",
                    "KeySchema": [{"AttributeName": "color", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            "BillingMode": "PAY_PER_REQUEST",
            **members,
        }
        description: dict[str, Any] = (await self.call("CreateTable", **request))["TableDescription"]
        return description

    async def put(self, number: int, color: str = "red", table: str = "source", **members: Any) -> None:
        await self.call("PutItem", TableName=table, Item={**item(number, color), **members})

    async def delete(self, number: int, table: str = "source") -> None:
        key = {name: item(number)[name] for name in ("pk", "sk")}
        await self.call("DeleteItem", TableName=table, Key=key)

    async def contents(self, table: str = "source", **members: Any) -> list[Item]:
        """Return all items of a table, in its order."""
        items: list[Item] = []
        start: dict[str, Any] = {}
        while True:
            page = await self.call("Scan", TableName=table, **members, **start)
            items += [parsed(each) for each in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return items
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def parsed(value: Any) -> Any:
    """Return an item of an answer, which may be stored bytes."""
    return codec.parse(codec.dump(value))


def item(number: int, color: str = "red") -> Item:
    return {"pk": {"S": f"p{number % 7}"}, "sk": {"N": str(number)}, "color": {"S": color}}


def run(name: str, scenario: Callable[[Backend], Awaitable[None]]) -> None:
    """Run a scenario over a fresh store, with the contract checked."""

    async def main() -> None:
        plugin = load_backend(name)
        async with plugin.provision({"memory": "true"}) as settings:
            backend = checked(await plugin.open(settings))
            try:
                async with asyncio.timeout(120):
                    await scenario(backend)
            finally:
                await backend.close()

    asyncio.run(main())
