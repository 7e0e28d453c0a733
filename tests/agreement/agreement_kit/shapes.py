"""Tables to agree on: every key type for tables, local and global indexes, and every projection.

The first letter of a key attribute's name is its type in lower case, so that a name says what belongs into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context
from typing import Any

TYPES = {"s": "S", "n": "N", "b": "B", "x": "S", "y": "N"}
"""The type of a key attribute by the first letter of its name. `x` and `y` are keys of later indexes only."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A table with its indexes."""

    keys: tuple[str, ...]
    """Partition key, and sort key if there is one."""
    indexes: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    """Name, keys and projection; an index whose name starts with `l` is local."""

    def schemas(self) -> Iterator[tuple[str | None, tuple[str, ...]]]:
        """Yield what can be queried: the table as None, and each index, with their keys."""
        yield None, self.keys
        for name, keys, _ in self.indexes:
            yield name, keys

    def index_keys(self) -> tuple[str, ...]:
        """Return the key attributes of indexes that the table itself has no use for."""
        return tuple(sorted({name for _, keys, _ in self.indexes for name in keys} - set(self.keys)))

    def identity(self, item: dict[str, Any]) -> tuple[object, ...]:
        """Return the item's key as a value to compare: numbers of one value are one key."""
        return tuple(_comparable(item[name]) for name in self.keys)

    def late(self) -> list[dict[str, Any]]:
        """Return changes of the table: indexes over attributes that may hold anything until then, and their end."""
        found = [("g-late-x", ("x", self.keys[0]), "ALL"), ("g-late-y", ("y",), "KEYS_ONLY")]
        creations = [
            {
                "AttributeDefinitions": _definitions({*self.keys, *keys}),
                "GlobalSecondaryIndexUpdates": [{"Create": index}],
            }
            for index, keys in ((_index(*each), each[1]) for each in found)
        ]
        names = [each[0] for each in (*found, *self.indexes)]
        return [*creations, *({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]} for name in names)]

    def request(self, table: str, **more: Any) -> dict[str, Any]:
        """Return the CreateTable request."""
        request: dict[str, Any] = {
            "TableName": table,
            "AttributeDefinitions": _definitions({*self.keys, *self.index_keys()}),
            "KeySchema": _schema(self.keys),
            "BillingMode": "PAY_PER_REQUEST",
        }
        for member, letter in (("LocalSecondaryIndexes", "l"), ("GlobalSecondaryIndexes", "g")):
            found = [_index(*index) for index in self.indexes if index[0][0] == letter]
            if found:
                request[member] = found
        return request | more


def _comparable(value: dict[str, str]) -> object:
    ((kind, text),) = value.items()
    if kind != "N":
        return text
    return Context(prec=38).create_decimal(text)


def _definitions(names: set[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": TYPES[name[0]]} for name in sorted(names)]


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _index(name: str, keys: tuple[str, ...], projection: str) -> dict[str, Any]:
    projected: dict[str, Any] = {"ProjectionType": projection}
    if projection == "INCLUDE":
        projected["NonKeyAttributes"] = ["x"]
    return {"IndexName": name, "KeySchema": _schema(keys), "Projection": projected}


SHAPES = (
    Shape(keys=("s1",)),
    Shape(keys=("n1",), indexes=(("g-hash", ("s1",), "ALL"), ("g-range", ("s1", "n2"), "KEYS_ONLY"))),
    Shape(
        keys=("s1", "s2"),
        indexes=(
            ("l-n", ("s1", "n1"), "KEYS_ONLY"),
            ("l-b", ("s1", "b1"), "INCLUDE"),
            ("l-s", ("s1", "s3"), "ALL"),
            ("g-turned", ("s2", "s1"), "ALL"),
            ("g-n", ("n1",), "INCLUDE"),
        ),
    ),
    Shape(keys=("n1", "n2"), indexes=(("l-s", ("n1", "s1"), "ALL"), ("g-b", ("b1", "n2"), "KEYS_ONLY"))),
    Shape(keys=("b1", "b2"), indexes=(("l-n", ("b1", "n1"), "INCLUDE"), ("g-bb", ("b2", "b3"), "ALL"))),
    Shape(keys=("b1",), indexes=(("g-nb", ("n1", "b2"), "ALL"), ("g-sn", ("s1", "n1"), "INCLUDE"))),
    Shape(keys=("s1", "n1"), indexes=(("g-ns", ("n1", "s1"), "KEYS_ONLY"), ("g-nn", ("n2", "n1"), "ALL"))),
)
