"""The tables of the benchmarks and what stands in them; everything follows from a number, nothing is random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import vectors

PER_PARTITION = 100
"""Items under one partition key of an ordinary table."""
WIDE_KEY = "wide"
WIDE_ITEMS = 3_000
"""Items under the one partition key that fills more than a page of 1 MB."""
GROUP = 50
"""Items under one key of an index."""
_MULTIPLIER = 2_654_435_761
_FRESH = 50_000_000
"""Numbers from here on stand for items that are not loaded."""
_WORDS = "a few words that look like what people keep in a field of some length, with commas and blanks between them "
Item = dict[str, Any]


def spread(number: int, size: int) -> int:
    """Return a place in 0..size-1 that is far from those of the neighbours of `number`."""
    return (number * _MULTIPLIER & 0xFFFFFFFF) % size


def key(number: int) -> Item:
    """Return the primary key of the item with a number."""
    return {"p": {"S": f"customer#{number // PER_PARTITION:09d}"}, "s": {"N": str(number % PER_PARTITION)}}


def fresh(number: int) -> int:
    """Return the number of an item that is not loaded."""
    return _FRESH + number


def item(number: int, version: int = 0) -> Item:
    """Return an item of about 400 bytes as the service counts them; versions differ, sizes do not."""
    return {
        **key(number),
        "name": {"S": f"name of {number:09d}"},
        "mail": {"S": f"customer{number:09d}@example.com"},
        "count": {"N": str(number % 1000)},
        "open": {"BOOL": number % 2 == 0},
        "version": {"N": str(version % 10)},
        "place": {"M": {"city": {"S": "Rotterdam"}, "code": {"S": f"{number % 9999:04d} AB"}, "floor": {"N": "3"}}},
        "tags": {"L": [{"S": "first"}, {"S": "second"}, {"N": "17"}]},
        "text": {"S": _WORDS + _WORDS + _WORDS[: 18 + number % 8]},
    }


def indexed_item(number: int, version: int = 0) -> Item:
    """Return an item with the keys of five indexes, which all change with the version."""
    keys = {f"g{n}": {"S": f"group{n}#{number // GROUP:09d}#{version}"} for n in range(1, 6)}
    return {**item(number, version), **keys}


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table and how it is filled."""

    name: str
    indexes: int = 0
    """Number of global secondary indexes, over the attributes g1, g2, ..."""
    content: str = "none"
    """`main`: the numbered items; `wide`: one large partition; `fresh`: items to remove; `groups`: indexed items;
    `vectors`: items with a vector."""
    vectors: bool = False
    """The table has a vector index."""

    def definition(self) -> Item:
        """Return the CreateTable request."""
        keys = [f"g{n}" for n in range(1, self.indexes + 1)]
        attributes = [("p", "S"), ("s", "N"), *((each, "S") for each in keys)]
        request: Item = {
            "TableName": self.name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in attributes],
        }
        if keys:
            request["GlobalSecondaryIndexes"] = [_index(each) for each in keys]
        if self.vectors:
            request["VectorIndexes"] = [vectors.definition()]
            request["AttributeDefinitions"].append({"AttributeName": "colour", "AttributeType": "S"})
        return request

    def items(self, count: int, pool: int) -> Iterator[Item]:
        """Yield what is loaded, for a main table of `count` items and pools of `pool` requests."""
        if self.content == "main":
            return (item(number) for number in range(count))
        if self.content == "wide":
            return ({**item(number), "p": {"S": WIDE_KEY}, "s": {"N": str(number)}} for number in range(WIDE_ITEMS))
        if self.content == "fresh":
            return (item(fresh(number)) for number in range(pool))
        if self.content == "groups":
            return (indexed_item(number) for number in range(min(count, 10_000)))
        if self.content == "vectors":
            return (vectors.item(number) for number in range(vectors.count(count)))
        return iter(())


def _index(attribute: str) -> Item:
    return {
        "IndexName": f"by_{attribute}",
        "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }


MAIN = Table(name="bench", content="main")
WIDE = Table(name="bench-wide", content="wide")
DELETE = Table(name="bench-delete", content="fresh")
GROUPS = Table(name="bench-groups", indexes=1, content="groups")
VECTORS = Table(name="bench-vectors", vectors=True, content="vectors")
INDEXED = {count: Table(name=f"bench-index-{count}", indexes=count) for count in (0, 1, 3, 5)}
