"""Random sequences of requests agree with a naive model: a dictionary, and loops over all of it.

The model is written from the documentation and shares no code with the engine: numbers are `Decimal`, strings and
binaries are compared as bytes, a range is a filter over everything, sorted.
"""

from __future__ import annotations

import asyncio
import itertools
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extenddb.core.errors import ServiceError
from extenddb.engine import Caller, Engine
from extenddb.storage.registry import load_backend

Value = dict[str, Any]
Item = dict[str, Value]
Call = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

TABLE = "naive"
VALUES: dict[str, list[Value]] = {
    "S": [{"S": text} for text in ("a", "a\0", "ab", "b", "ä")],
    "N": [{"N": text} for text in ("-10", "-1", "0", "1", "1.5", "10")],
    "B": [{"B": b64encode(data).decode()} for data in (b"\0", b"\0\0", b"\0\xff", b"a", b"\xff")],
}
KINDS = st.sampled_from("SNB")


def order(value: Value) -> Any:
    """Return what a key value is ordered by."""
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content.encode() if kind == "S" else b64decode(content)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


class Model:
    """A table as a dictionary."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.rows: dict[tuple[str, ...], Item] = {}

    def place(self, item: Item) -> tuple[str, ...]:
        """Return the key of an item."""
        return tuple(str(item[name]) for name in self.names)

    def find(self, key: Item) -> Item | None:
        """Return an item by its key."""
        return self.rows.get(self.place(key))

    def partition(self, name: str, value: Value, sort: str | None) -> list[Item]:
        """Return the items whose attribute has a value and that have the sort attribute, in its order."""
        found = [item for item in self.rows.values() if item.get(name) == value and (sort is None or sort in item)]
        return found if sort is None else sorted(found, key=lambda item: order(item[sort]))


class Machine:
    """Carries out one step on the engine and on the model, and compares."""

    def __init__(self, call: Call, hash_kind: str, range_kind: str | None) -> None:
        self.call = call
        self.names = ("p", "s") if range_kind else ("p",)
        self.kinds = (hash_kind, range_kind) if range_kind else (hash_kind,)
        self.model = Model(self.names)

    def request(self) -> dict[str, Any]:
        types = {**dict(zip(self.names, self.kinds, strict=True)), "g": "S", "h": "N"}
        return {
            "TableName": TABLE,
            "KeySchema": schema(self.names),
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [
                {"IndexName": "gix", "KeySchema": schema(("g", "h")), "Projection": {"ProjectionType": "ALL"}}
            ],
        }

    def key(self, pick: tuple[int, int]) -> Item:
        return {
            name: VALUES[kind][number % len(VALUES[kind])]
            for name, kind, number in zip(self.names, self.kinds, pick, strict=False)
        }

    async def put(self, pick: tuple[int, int], attributes: Item, only_new: bool) -> None:
        item = {**attributes, **self.key(pick)}
        old = self.model.find(item)
        request: dict[str, Any] = {"TableName": TABLE, "Item": item, "ReturnValues": "ALL_OLD"}
        if only_new:
            request["ConditionExpression"] = "attribute_not_exists(p)"
        if only_new and old is not None:
            with pytest.raises(ServiceError, match="ConditionalCheckFailed"):
                await self.call("PutItem", request)
            return
        assert await self.call("PutItem", request) == ({} if old is None else {"Attributes": old})
        self.model.rows[self.model.place(item)] = item

    async def update(self, pick: tuple[int, int], attributes: Item, amount: int) -> None:
        key = self.key(pick)
        new = {**(self.model.find(key) or key), **attributes}
        new.pop("v", None)
        new["n"] = {"N": str(int(new.get("n", {"N": "0"})["N"]) + amount)}
        sets = [name for name in attributes if name != "v"]
        request = {
            "TableName": TABLE,
            "Key": key,
            "UpdateExpression": "REMOVE v ADD n :n" + "".join(
                f"{', ' if number else ' SET '}{name} = :{name}" for number, name in enumerate(sets)
            ),
            "ExpressionAttributeValues": {":n": {"N": str(amount)}, **{f":{name}": attributes[name] for name in sets}},
            "ReturnValues": "ALL_NEW",
        }  # fmt: skip
        assert await self.call("UpdateItem", request) == {"Attributes": new}
        self.model.rows[self.model.place(key)] = new

    async def delete(self, pick: tuple[int, int]) -> None:
        key = self.key(pick)
        old = self.model.rows.pop(self.model.place(key), None)
        answer = await self.call("DeleteItem", {"TableName": TABLE, "Key": key, "ReturnValues": "ALL_OLD"})
        assert answer == ({} if old is None else {"Attributes": old})

    async def get(self, pick: tuple[int, int]) -> None:
        key = self.key(pick)
        expected = self.model.find(key)
        assert await self.call("GetItem", {"TableName": TABLE, "Key": key}) == (
            {} if expected is None else {"Item": expected}
        )

    async def query(self, pick: tuple[int, int], operator: str | None, forward: bool, limit: int) -> None:
        key = self.key(pick)
        sort = self.names[1] if len(self.names) > 1 else None
        expected = self.model.partition("p", key["p"], sort)
        request = condition("p", key["p"])
        if sort is not None and operator is not None:
            bound = order(key[sort])
            expected = [item for item in expected if OPERATORS[operator](order(item[sort]), bound)]
            request["KeyConditionExpression"] += f" AND s {operator} :s"
            request["ExpressionAttributeValues"][":s"] = key[sort]
        request["ScanIndexForward"] = forward
        found = await self.pages("Query", {**request, "Limit": limit})
        assert found == (expected if forward else expected[::-1])

    async def query_index(self, group: str, forward: bool, limit: int) -> None:
        request = {**condition("g", {"S": group}), "IndexName": "gix", "ScanIndexForward": forward}
        found = await self.pages("Query", {**request, "Limit": limit})
        expected = self.model.partition("g", {"S": group}, "h")
        assert [item["h"] for item in found] == [item["h"] for item in (expected if forward else expected[::-1])]
        assert sorted(map(str, map(dumped, found))) == sorted(map(str, map(dumped, expected)))
        assert found == await self.pages("Query", request)

    async def scan(self, limit: int, total: int) -> None:
        parts = [
            await self.pages("Scan", {"TableName": TABLE, "Limit": limit, "Segment": number, "TotalSegments": total})
            for number in range(total)
        ]
        found = [item for part in parts for item in part]
        assert sorted(map(dumped, found)) == sorted(map(dumped, self.model.rows.values()))

    async def pages(self, operation: str, request: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        for _ in itertools.repeat(None, 200):
            page = await self.call(operation, request)
            assert page["Count"] == page["ScannedCount"] == len(page["Items"])
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}
        raise AssertionError("the pages have no end")


def schema(names: tuple[str, ...]) -> list[dict[str, str]]:
    """Return a KeySchema."""
    return [{"AttributeName": name, "KeyType": role} for name, role in zip(names, ("HASH", "RANGE"), strict=False)]


def condition(name: str, value: Value) -> dict[str, Any]:
    """Return a query of one partition."""
    return {
        "TableName": TABLE,
        "KeyConditionExpression": f"{name} = :v",
        "ExpressionAttributeValues": {":v": value},
    }


def dumped(item: Item) -> str:
    """Return a text that is the same for equal items."""
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()


PICK = st.tuples(st.integers(0, 2), st.integers(0, 5))
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "g": st.sampled_from([{"S": "x"}, {"S": "y"}]),
        "h": st.sampled_from(VALUES["N"]),
        "v": st.sampled_from([{"S": ""}, {"L": [{"N": "1"}]}, {"BOOL": False}, {"M": {"a": {"NULL": True}}}]),
    },
)
LIMIT = st.integers(1, 5)
STEP = st.one_of(
    st.tuples(st.just("put"), PICK, ATTRIBUTES, st.booleans()),
    st.tuples(st.just("put"), PICK, ATTRIBUTES, st.just(False)),
    st.tuples(st.just("update"), PICK, ATTRIBUTES, st.integers(-5, 5)),
    st.tuples(st.just("delete"), PICK),
    st.tuples(st.just("get"), PICK),
    st.tuples(st.just("query"), PICK, st.sampled_from([None, *OPERATORS]), st.booleans(), LIMIT),
    st.tuples(st.just("query_index"), st.sampled_from("xy"), st.booleans(), LIMIT),
    st.tuples(st.just("scan"), LIMIT, st.integers(1, 4)),
)


async def _run(hash_kind: str, range_kind: str | None, steps: list[tuple[Any, ...]]) -> None:
    plugin = load_backend("memory")
    async with plugin.provision({}) as provisioned:
        backend = await plugin.open(provisioned)
        engine = Engine(backend)

        async def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            answer = await engine.execute(operation, Caller(), orjson.loads(orjson.dumps(request)))
            parsed: dict[str, Any] = orjson.loads(orjson.dumps(answer))
            return parsed

        machine = Machine(call, hash_kind, range_kind)
        await call("CreateTable", machine.request())
        for name, *arguments in steps:
            await getattr(machine, name)(*arguments)
        await machine.scan(3, 2)
        await engine.close()
        await backend.close()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hash_kind=KINDS, range_kind=st.one_of(st.none(), KINDS), steps=st.lists(STEP, min_size=5, max_size=40))
def test_random_requests_agree_with_a_dictionary(
    hash_kind: str, range_kind: str | None, steps: list[tuple[Any, ...]]
) -> None:
    asyncio.run(_run(hash_kind, range_kind, steps))
