"""Queries over long keys that differ late: memory, PostgreSQL and a list sorted here give the same items.

Values are full of zeros, of which keys of several values need two each, and share prefixes far longer than what an
index of a store may hold of a key.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from agreement_kit.pair import Pair
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("agreement")]
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]

_rng = Random(9)
_ZEROS, _HALF, _NOISE = (
    bytes(_rng.randrange(256) * (_rng.random() > share) for _ in range(880)) for share in (1, 0.5, 0)
)
_TAILS = (b"", b"\0", b"\0\0", b"\0\1", b"\1", b"\xff", b"\0\xff", b"\xff\xff")
_LONG = [head + tail for head in (_ZEROS, _HALF, _NOISE) for tail in _TAILS]
_SHORT = [bytes(100) + tail for tail in _TAILS] + [b"\0", b"\1", b"a"]
_NUMBERS = ["-1", "0", "1", "-1E-130", "9.9999999999999999999999999999999999999E+125", "-9E+125", "17"]
POOLS: dict[str, list[Any]] = {
    "sort": [each + bytes(140) for each in _LONG] + [each[:5] for each in _TAILS if each],
    "long": [*_LONG, b"a", b"\0"],
    "short": _SHORT,
    "number": [Decimal(text) for text in _NUMBERS],
}
"""Values of each key attribute; together those of one key have at most 1,024 bytes."""
SCHEMAS: dict[str | None, tuple[str, ...]] = {
    None: ("sort",),
    "one": ("long",),
    "two": ("long", "short"),
    "three": ("long", "number", "short"),
    "back": ("short", "long"),
}
"""Sort key attributes of the table, and of its indexes."""
TABLE = {
    "TableName": "long",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("p", "S"), ("h", "S"), ("sort", "B"), ("long", "B"), ("short", "B"), ("number", "N"))
    ],
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "sort", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [
                {"AttributeName": "h", "KeyType": "HASH"},
                *({"AttributeName": each, "KeyType": "RANGE"} for each in names),
            ],
            "Projection": {"ProjectionType": "ALL" if name != "one" else "KEYS_ONLY"},
        }
        for name, names in SCHEMAS.items()
        if name is not None
    ],
}

Item = dict[str, Any]
_items = st.fixed_dictionaries(
    {"p": st.sampled_from("pq"), "h": st.sampled_from("hi"), **{name: st.sampled_from(v) for name, v in POOLS.items()}}
)


@dataclass(frozen=True)
class Condition:
    """A key condition: equal values of the first attributes, then perhaps an operator on the next one."""

    index: str | None
    equal: tuple[Any, ...]
    operator: str
    values: tuple[Any, ...]
    forward: bool
    limit: int | None

    def holds(self, item: Item) -> bool:
        """Tell whether an item meets it."""
        names = SCHEMAS[self.index]
        found = tuple(item[name] for name in names)
        if found[: len(self.equal)] != self.equal or item["p" if self.index is None else "h"] not in "ph":
            return False
        if not self.operator:
            return True
        value = found[len(self.equal)]
        return _OPERATORS[self.operator](value, *self.values)

    def request(self) -> dict[str, Any]:
        """Return the Query."""
        names = SCHEMAS[self.index]
        terms, values = ["#h = :h"], {":h": {"S": "p" if self.index is None else "h"}}
        placeholders = {"#h": "p" if self.index is None else "h"}
        for number, value in enumerate(self.equal):
            terms.append(f"#e{number} = :e{number}")
            placeholders[f"#e{number}"], values[f":e{number}"] = names[number], attribute(value)
        if self.operator:
            placeholders["#v"] = names[len(self.equal)]
            values |= {f":v{number}": attribute(value) for number, value in enumerate(self.values)}
            terms.append(_TEXTS.get(self.operator, f"#v {self.operator} :v0"))
        return {
            "TableName": "long",
            "KeyConditionExpression": " AND ".join(terms),
            "ExpressionAttributeNames": placeholders,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": self.forward,
            **({} if self.index is None else {"IndexName": self.index}),
            **({} if self.limit is None else {"Limit": self.limit}),
        }


_OPERATORS: dict[str, Callable[..., bool]] = {
    "<": lambda value, other: value < other,
    "<=": lambda value, other: value <= other,
    ">": lambda value, other: value > other,
    ">=": lambda value, other: value >= other,
    "BETWEEN": lambda value, low, high: low <= value <= high,
    "begins_with": lambda value, prefix: value.startswith(prefix),
}
_TEXTS = {"BETWEEN": "#v BETWEEN :v0 AND :v1", "begins_with": "begins_with(#v, :v0)"}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Draw a condition whose values are in the pools, or prefixes of such."""
    index = draw(st.sampled_from(list(SCHEMAS)))
    names = SCHEMAS[index]
    equal = tuple(draw(st.sampled_from(POOLS[name])) for name in names[: draw(st.integers(0, len(names)))])
    operator = "" if len(equal) == len(names) else draw(st.sampled_from(["", *_OPERATORS]))
    values: tuple[Any, ...] = ()
    if operator:
        pool = POOLS[names[len(equal)]]
        if isinstance(pool[0], Decimal) and operator == "begins_with":
            operator = ">="
        values = tuple(sorted(draw(st.sampled_from(pool)) for _ in range(2)))
        if operator != "BETWEEN":
            values = values[:1]
        if operator == "begins_with":
            values = (values[0][: draw(st.integers(1, len(values[0])))],)
    limit = draw(st.none() | st.integers(1, 5))
    return Condition(index, equal, operator, values, draw(st.booleans()), limit)


def attribute(value: Any) -> dict[str, str]:
    """Return a value as requests have it."""
    if isinstance(value, bytes):
        return {"B": b64encode(value).decode()}
    return {"N": str(value)} if isinstance(value, Decimal) else {"S": value}


def value_of(content: dict[str, str]) -> Any:
    """Return a value of an answer."""
    ((kind, text),) = content.items()
    return b64decode(text) if kind == "B" else Decimal(text) if kind == "N" else text


def check(pair: Pair, items: list[Item], asked: list[Condition], gone: list[int]) -> None:
    """Write items, overwrite and remove some, and ask for all pages of all conditions."""
    account = pair.account()
    pair.ask(account, "CreateTable", TABLE)
    stored: dict[tuple[str, bytes], Item] = {}
    for item in items:
        stored[item["p"], item["sort"]] = item
        put = {"TableName": "long", "Item": {name: attribute(value) for name, value in item.items()}}
        assert pair.ask(account, "PutItem", put) == {}
    for number in gone:
        item = items[number % len(items)]
        if stored.pop((item["p"], item["sort"]), None):
            key = {name: attribute(item[name]) for name in ("p", "sort")}
            pair.ask(account, "DeleteItem", {"TableName": "long", "Key": key})
    for condition in asked:
        names = SCHEMAS[condition.index]
        wanted = [item for item in stored.values() if condition.holds(item)]
        expected = sorted((tuple(item[name] for name in names) for item in wanted), reverse=not condition.forward)
        found = pages(pair, account, condition)
        assert [tuple(item[name] for name in names) for item in found] == expected
        assert {(item["p"], item["sort"]) for item in found} == {(item["p"], item["sort"]) for item in wanted}


def pages(pair: Pair, account: str, condition: Condition) -> list[Item]:
    """Return the items of all pages of a condition, each as long as asked for."""
    request, found = condition.request(), list[Item]()
    while True:
        answer = pair.ask(account, "Query", request)
        assert "__type" not in answer, answer
        found += [{name: value_of(value) for name, value in item.items()} for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return found
        assert answer["Count"] == condition.limit
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


_GIVEN = {
    "items": st.lists(_items, min_size=1, max_size=24),
    "asked": st.lists(conditions(), min_size=4, max_size=12),
    "gone": st.lists(st.integers(0, 23), max_size=4),
}


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=_CHECKS)
@given(**_GIVEN)
def test_long_keys_are_answered_alike(pair: Pair, items: list[Item], asked: list[Condition], gone: list[int]) -> None:
    check(pair, items, asked, gone)


@settings(max_examples=10, deadline=None, suppress_health_check=_CHECKS, phases=[Phase.generate])
@given(**_GIVEN)
def test_some_long_keys(pair: Pair, items: list[Item], asked: list[Condition], gone: list[int]) -> None:
    """The same, short enough for every run."""
    check(pair, items, asked, gone)
