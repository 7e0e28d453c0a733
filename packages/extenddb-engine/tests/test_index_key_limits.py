"""Index keys at and beyond their limits: what fits is stored and found, what does not stays out of the index."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine, codec
from extenddb.engine.jobs.runner import Jobs
from extenddb.engine.jobs.table import STEPS
from extenddb.storage.contract import checked
from extenddb.storage.registry import load_backend

CALLER = Caller()
BACKENDS = ["memory", pytest.param("postgres", marks=pytest.mark.postgres)]
Scenario = Callable[[Engine], Awaitable[None]]


def run(name: str, scenario: Scenario) -> None:
    """Run a scenario on a fresh store, with the contract checked."""

    async def main() -> None:
        plugin = load_backend(name)
        async with plugin.provision({"memory": "true"}) as given:
            backend = checked(await plugin.open(given))
            engine = Engine(backend)
            try:
                async with asyncio.timeout(60):
                    await scenario(engine)
            finally:
                await engine.close()
                await backend.close()

    asyncio.run(main())


async def call(engine: Engine, operation: str, **request: Any) -> Any:
    answer = await engine.execute(operation, CALLER, request)
    return codec.parse(codec.dump(answer))


def index(*keys: str) -> dict[str, Any]:
    """Return an index over attributes given as `H name` or `R name`."""
    elements = [{"AttributeName": key[2:], "KeyType": {"H": "HASH", "R": "RANGE"}[key[0]]} for key in keys]
    return {"IndexName": "idx", "KeySchema": elements, "Projection": {"ProjectionType": "ALL"}}


async def create(engine: Engine, types: dict[str, str], *indexes: dict[str, Any]) -> None:
    used = {"p", "s"} | {element["AttributeName"] for each in indexes for element in each["KeySchema"]}
    await call(
        engine,
        "CreateTable",
        TableName="ttt",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": types.get(name, "S")} for name in sorted(used)],
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": list(indexes)} if indexes else {}),
    )


async def put(engine: Engine, number: int, **attributes: Any) -> None:
    item = {"p": {"S": f"{number}"}, "s": {"S": "s"}, **attributes}
    await call(engine, "PutItem", TableName="ttt", Item=item)


async def indexed(engine: Engine) -> list[str]:
    """Return which items an index holds."""
    answer = await call(engine, "Scan", TableName="ttt", IndexName="idx")
    return sorted(item["p"]["S"] for item in answer["Items"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_items_whose_values_can_be_no_key_stay_out_of_a_new_index(backend: str) -> None:
    """They are older than the index; "Detecting and correcting index key violations" of the developer guide."""

    async def scenario(engine: Engine) -> None:
        await create(engine, {})
        odd: list[dict[str, Any]] = [
            {"h": {"S": "x" * 2049}, "r": {"S": "r"}},
            {"h": {"S": "h"}, "r": {"S": "x" * 1025}},
            {"h": {"S": "h"}, "r": {"S": "x" * 300_000}},
            {"h": {"S": "é" * 1025}, "r": {"S": "r"}},
            {"h": {"S": ""}, "r": {"S": "r"}},
            {"h": {"S": "h"}, "r": {"S": ""}},
            {"h": {"N": "1"}, "r": {"S": "r"}},
            {"h": {"S": "h"}},
        ]
        even = [{"h": {"S": "x" * 2048}, "r": {"S": "x" * 1024}}, {"h": {"S": "é" * 1024}, "r": {"S": "é" * 512}}]
        for number, attributes in enumerate([*odd, *even]):
            await put(engine, number, **attributes)
        await call(
            engine,
            "UpdateTable",
            TableName="ttt",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in "hr"],
            GlobalSecondaryIndexUpdates=[{"Create": index("H h", "R r")}],
        )
        jobs = Jobs(engine.context, STEPS, ())
        while await jobs.tick():
            pass
        assert await indexed(engine) == ["8", "9"]
        for number, attributes in enumerate(odd[:-1]):
            with pytest.raises(ServiceError, match="ValidationException"):
                await put(engine, number, **attributes)
        await put(engine, 0, h={"S": "now"}, r={"S": "r"})
        assert await indexed(engine) == ["0", "8", "9"]
        for number in range(len(odd)):
            key = {"p": {"S": f"{number}"}, "s": {"S": "s"}}
            await call(engine, "DeleteItem", TableName="ttt", Key=key)
        assert await indexed(engine) == ["8", "9"]

    run(backend, scenario)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("zeros", [0.0, 0.6, 1.0])
def test_the_longest_keys_of_several_values_are_found(backend: str, zeros: float) -> None:
    """A thousand bytes of four values, of which zeros need two each, under rows whose own keys are as long."""

    async def scenario(engine: Engine) -> None:
        types = dict.fromkeys(("s", "r1", "r2", "r3", "r4", "h1", "h2"), "B")
        await create(engine, types, index("H h1", "H h2", "R r1", "R r2", "R r3", "R r4"))
        rng = random.Random(f"{zeros}")

        def binary(length: int) -> dict[str, str]:
            data = bytes(0 if rng.random() < zeros else rng.randrange(1, 256) for _ in range(length))
            return {"B": base64.b64encode(data).decode()}

        hashes = {"h1": binary(1024), "h2": binary(1024)}
        lengths = [(1021, 1, 1, 1), (1, 1021, 1, 1), (1, 1, 1, 1021), (256, 256, 256, 256), (500, 22, 500, 2)]
        items = []
        for number, parts in enumerate(lengths * 3):
            ranges = {f"r{n}": binary(length) for n, length in enumerate(parts, 1)}
            items.append({"p": {"S": f"{number:02}" + "p" * 2046}, "s": binary(1024), **hashes, **ranges})
            await call(engine, "PutItem", TableName="ttt", Item=items[-1])
        for item in items:
            values = {f":{name}": item[name] for name in ("h1", "h2", "r1", "r2", "r3", "r4")}
            condition = " AND ".join(f"{name[1:]} = {name}" for name in values)
            answer = await call(
                engine,
                "Query",
                TableName="ttt",
                IndexName="idx",
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
            assert item in answer["Items"]
        with pytest.raises(ServiceError, match="Aggregated size of all range keys"):
            await call(engine, "PutItem", TableName="ttt", Item={**items[0], "r4": binary(2)})

    run(backend, scenario)
