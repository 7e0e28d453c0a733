"""Global indexes whose keys are several attributes: order, bounds, cursors and limits."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine
from extenddb.storage.registry import load_backend

CALLER = Caller()
CITIES = ("a", "ab", "a\0", "b")
YEARS = ("-5", "0", "7", "70")
TABLE: dict[str, Any] = {
    "TableName": "many",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("id", "S"), ("land", "S"), ("kind", "S"), ("city", "S"), ("year", "N"))
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-place",
            "KeySchema": [
                {"AttributeName": "land", "KeyType": "HASH"},
                {"AttributeName": "kind", "KeyType": "HASH"},
                {"AttributeName": "city", "KeyType": "RANGE"},
                {"AttributeName": "year", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def run(scenario: Any, backend_name: str) -> None:
    async def main() -> None:
        plugin = load_backend(backend_name)
        async with plugin.provision({"memory": "true"}) as settings:
            backend = await plugin.open(settings)
            engine = Engine(backend)
            await engine.execute("CreateTable", CALLER, TABLE)
            for number, (city, year) in enumerate(product(CITIES, YEARS)):
                for land in ("x", "y"):
                    item = {"id": {"S": f"{land}{number}"}, "land": {"S": land}, "kind": {"S": "k"}}
                    item |= {"city": {"S": city}, "year": {"N": year}}
                    await engine.execute("PutItem", CALLER, {"TableName": "many", "Item": item})
            await scenario(engine)
            await engine.close()
            await backend.close()

    asyncio.run(main())


async def query(engine: Engine, condition: str, values: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Return all pages' (city, year)."""
    request: dict[str, Any] = {
        "TableName": "many",
        "IndexName": "by-place",
        "KeyConditionExpression": f"land = :land AND kind = :kind{condition}",
        "ExpressionAttributeValues": {":land": {"S": "x"}, ":kind": {"S": "k"}, **values},
        **more,
    }
    found = []
    while True:
        page = await engine.execute("Query", CALLER, request)
        items = [item if isinstance(item, dict) else _parsed(item) for item in page["Items"]]
        found += [(item["city"]["S"], item["year"]["N"]) for item in items]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _parsed(fragment: Any) -> dict[str, Any]:
    import orjson

    item: dict[str, Any] = orjson.loads(orjson.dumps(fragment))
    return item


ALL = sorted(product(CITIES, YEARS), key=lambda pair: (pair[0].encode(), int(pair[1])))
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("", {}, lambda city, year: True),
    (" AND city = :c", {":c": {"S": "a"}}, lambda city, year: city == "a"),
    (" AND begins_with(city, :c)", {":c": {"S": "a"}}, lambda city, year: city.startswith("a")),
    (" AND city > :c", {":c": {"S": "a"}}, lambda city, year: city > "a"),
    (" AND city <= :c", {":c": {"S": "a\0"}}, lambda city, year: city <= "a\0"),
    (" AND city BETWEEN :c AND :d", {":c": {"S": "a\0"}, ":d": {"S": "ab"}}, lambda city, year: "a\0" <= city <= "ab"),
    (" AND city = :c AND #y >= :y", {":c": {"S": "a"}, ":y": {"N": "0"}}, lambda city, year: city == "a" and year >= 0),
    (" AND city = :c AND #y < :y", {":c": {"S": "ab"}, ":y": {"N": "7"}}, lambda city, year: city == "ab" and year < 7),
    (
        " AND city = :c AND #y = :y",
        {":c": {"S": "a\0"}, ":y": {"N": "-5"}},
        lambda city, year: (city, year) == ("a\0", -5),
    ),
]


@pytest.mark.parametrize("backend", ["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_conditions_orders_and_pages(backend: str) -> None:
    async def scenario(engine: Engine) -> None:
        for condition, values, holds in CASES:
            names = {"ExpressionAttributeNames": {"#y": "year"}} if "#y" in condition else {}
            expected = [pair for pair in ALL if holds(pair[0], int(pair[1]))]
            for limit in (None, 1, 3):
                more: dict[str, Any] = {**names, **({"Limit": limit} if limit else {})}
                assert await query(engine, condition, values, **more) == expected
                assert await query(engine, condition, values, ScanIndexForward=False, **more) == expected[::-1]

    run(scenario, backend)


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        (" AND #y = :y", {":y": {"N": "1"}}),
        (" AND city > :c AND #y = :y", {":c": {"S": "a"}, ":y": {"N": "1"}}),
    ],
)
def test_sort_keys_are_given_from_the_left(condition: str, values: dict[str, Any]) -> None:
    async def scenario(engine: Engine) -> None:
        with pytest.raises(ServiceError, match="ValidationException: Query"):
            await query(engine, condition, values, ExpressionAttributeNames={"#y": "year"})

    run(scenario, "memory")


def test_every_partition_attribute_is_needed() -> None:
    async def scenario(engine: Engine) -> None:
        with pytest.raises(ServiceError, match="Query condition missed key schema element: kind"):
            await engine.execute(
                "Query",
                CALLER,
                {
                    "TableName": "many",
                    "IndexName": "by-place",
                    "KeyConditionExpression": "land = :land",
                    "ExpressionAttributeValues": {":land": {"S": "x"}},
                },
            )

    run(scenario, "memory")


@pytest.mark.postgres
def test_keys_together_have_one_limit() -> None:
    async def scenario(engine: Engine) -> None:
        item = {"id": {"S": "i" * 2048}, "land": {"S": "x"}, "kind": {"S": "k"}, "year": {"N": "1"}}
        longest = {**item, "city": {"S": "\x7f" * 1022}}
        await engine.execute("PutItem", CALLER, {"TableName": "many", "Item": longest})
        with pytest.raises(ServiceError, match="Aggregated size of all range keys"):
            await engine.execute("PutItem", CALLER, {"TableName": "many", "Item": {**item, "city": {"S": "c" * 1023}}})

    run(scenario, "postgres")
