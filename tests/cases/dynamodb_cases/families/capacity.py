"""Capacity units at the borders of 1 KB and 4 KB, of tables and of their indexes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynamodb_cases.model import Case, Step, case, do, table

TABLE = "capacity"
SETUP = [table(TABLE, "p S")]
OVERHEAD = 3  # of an item {"p": "a", "v": ...}: two names of one byte and a key of one byte


def item(size: int, key: str = "a") -> dict[str, Any]:
    """Return an item of so many bytes."""
    return {"p": {"S": key}, "v": {"S": "x" * (size - OVERHEAD)}}


def put(size: int, **more: Any) -> Step:
    """Return the writing of an item of a size."""
    return do("PutItem", {"TableName": TABLE, "Item": item(size), **more})


def units(count: float) -> dict[str, Any]:
    """Return the ConsumedCapacity member."""
    return {"ConsumedCapacity": {"TableName": TABLE, "CapacityUnits": count}}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _reads()
    yield from _writes()
    yield from _pages()
    yield from _indexes()
    yield from _fetches()
    yield from _sizes()


def _reads() -> Iterator[Case]:
    for size, eventual in ((4, 0.5), (4095, 0.5), (4096, 0.5), (4097, 1.0), (8192, 1.0), (8193, 1.5), (409600, 50.0)):
        for consistent in (False, True):
            request = {
                "TableName": TABLE,
                "Key": {"p": {"S": "a"}},
                "ConsistentRead": consistent,
                "ReturnConsumedCapacity": "TOTAL",
            }
            answer = {"Item": item(size), **units(eventual * 2 if consistent else eventual)}
            name = f"capacity: a read of {size} bytes{', consistent' if consistent else ''}"
            yield case(name, [*SETUP, put(size)], do("GetItem", request, answer))
    request = {
        "TableName": TABLE,
        "Key": {"p": {"S": "a"}},
        "ProjectionExpression": "p",
        "ReturnConsumedCapacity": "TOTAL",
    }
    answer = {"Item": {"p": {"S": "a"}}, **units(1.0)}
    yield case("capacity: a projection costs the whole item", [*SETUP, put(4097)], do("GetItem", request, answer))


def _writes() -> Iterator[Case]:
    total = {"ReturnConsumedCapacity": "TOTAL"}
    for size, expected in ((4, 1.0), (1024, 1.0), (1025, 2.0), (2048, 2.0), (2049, 3.0), (409600, 400.0)):
        step = do("PutItem", {"TableName": TABLE, "Item": item(size), **total}, units(expected))
        yield case(f"capacity: a write of {size} bytes", SETUP, step)
        delete = do("DeleteItem", {"TableName": TABLE, "Key": {"p": {"S": "a"}}, **total}, units(expected))
        yield case(f"capacity: a delete of {size} bytes", [*SETUP, put(size)], delete)
        update = do(
            "UpdateItem",
            {"TableName": TABLE, "Key": {"p": {"S": "a"}}, "UpdateExpression": "REMOVE v", **total},
            units(expected),
        )
        yield case(f"capacity: an update of {size} bytes", [*SETUP, put(size)], update)
    small = do("PutItem", {"TableName": TABLE, "Item": item(4), **total}, units(3.0))
    yield case("capacity: a write costs the larger item, the old one", [*SETUP, put(2049)], small)
    large = do("PutItem", {"TableName": TABLE, "Item": item(2049), **total}, units(3.0))
    yield case("capacity: a write costs the larger item, the new one", [*SETUP, put(4)], large)


def _pages() -> Iterator[Case]:
    """A page costs the sum of its items, rounded once."""
    items = [do("PutItem", {"TableName": "pages", "Item": _row(number, 1500)}) for number in range(4)]
    setup = [table("pages", "p S, s N"), *items]
    request: dict[str, Any] = {
        "TableName": "pages",
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
        "Select": "COUNT",
        "ReturnConsumedCapacity": "TOTAL",
    }
    for limit, eventual in ((1, 0.5), (2, 0.5), (3, 1.0), (5, 1.0)):
        count = min(limit, 4)
        for consistent in (False, True):
            capacity = {"TableName": "pages", "CapacityUnits": eventual * 2 if consistent else eventual}
            answer: dict[str, Any] = {"Count": count, "ScannedCount": count, "ConsumedCapacity": capacity}
            if limit <= 4:
                answer["LastEvaluatedKey"] = {"p": {"S": "a"}, "s": {"N": str(limit - 1)}}
            step = do("Query", {**request, "Limit": limit, "ConsistentRead": consistent}, answer)
            yield case(f"capacity: a page of {limit}{', consistent' if consistent else ''}", setup, step)
    filtered = {**request, "FilterExpression": "attribute_exists(zz)"}
    answer = {"Count": 0, "ScannedCount": 4, "ConsumedCapacity": {"TableName": "pages", "CapacityUnits": 1.0}}
    yield case("capacity: what a filter takes out is paid for", setup, do("Query", filtered, answer))


def _row(number: int, size: int) -> dict[str, Any]:
    number_size = 1 if number == 0 else 2
    return {"p": {"S": "a"}, "s": {"N": str(number)}, "v": {"S": "x" * (size - 4 - number_size)}}


INDEXED = [table("indexed", "p S", global_={"all": "g S", "keys": "g S | KEYS_ONLY", "other": "h S | INCLUDE v"})]


def _indexes() -> Iterator[Case]:
    """An index entry that comes or goes costs its size; one that moves costs both; one that stays costs nothing."""
    old = {"p": {"S": "a"}, "g": {"S": "1"}, "v": {"S": "x" * 1100}}
    yield _write("a new item", None, old, table_units=2.0, all=2.0, keys=1.0)
    yield _write("the same item", old, old, table_units=2.0)
    yield _write("a change of what is projected", old, {**old, "v": {"S": "y" * 1100}}, table_units=2.0, all=2.0)
    yield _write("a moved entry", old, {**old, "g": {"S": "2"}}, table_units=2.0, all=4.0, keys=2.0)
    yield _write("an entry that goes", old, {"p": {"S": "a"}}, table_units=2.0, all=2.0, keys=1.0)
    yield _write("another entry that comes", old, {**old, "h": {"S": "1"}}, table_units=2.0, all=2.0, other=2.0)


def _write(name: str, old: dict[str, Any] | None, new: dict[str, Any], *, table_units: float, **parts: float) -> Case:
    setup = INDEXED if old is None else [*INDEXED, do("PutItem", {"TableName": "indexed", "Item": old})]
    capacity: dict[str, Any] = {
        "TableName": "indexed",
        "CapacityUnits": table_units + sum(parts.values()),
        "Table": {"CapacityUnits": table_units},
    }
    if parts:
        capacity["GlobalSecondaryIndexes"] = {index: {"CapacityUnits": count} for index, count in parts.items()}
    request = {"TableName": "indexed", "Item": new, "ReturnConsumedCapacity": "INDEXES"}
    return case(f"capacity: {name}", setup, do("PutItem", request, {"ConsumedCapacity": capacity}))


def _fetches() -> Iterator[Case]:
    """What a local index lacks is fetched from the table: each item is read whole, by its size and not its JSON's."""
    name = "fetched"
    for flags, fetched in ((1500, 0.5), (2040, 0.5), (2050, 1.0)):
        row = {"p": {"S": "a"}, "s": {"N": "1"}, "l": {"S": "b"}, "v": {"L": [{"BOOL": True}] * flags}}
        setup = [
            table(name, "p S, s N", local={"keys": "p S, l S | KEYS_ONLY"}),
            do("PutItem", {"TableName": name, "Item": row}),
        ]
        request = {
            "TableName": name,
            "IndexName": "keys",
            "KeyConditionExpression": "p = :p",
            "ExpressionAttributeValues": {":p": {"S": "a"}},
            "ProjectionExpression": "v[0]",
            "ReturnConsumedCapacity": "INDEXES",
        }
        capacity = {
            "TableName": name,
            "CapacityUnits": 0.5 + fetched,
            "Table": {"CapacityUnits": fetched},
            "LocalSecondaryIndexes": {"keys": {"CapacityUnits": 0.5}},
        }
        items = [{"v": {"L": [{"BOOL": True}]}}]
        answer = {"Count": 1, "ScannedCount": 1, "Items": items, "ConsumedCapacity": capacity}
        yield case(f"capacity: a fetch of {flags} flags", setup, do("Query", request, answer))


def _sizes() -> Iterator[Case]:
    """Sizes of values by type, seen where one more byte costs a unit: the item is filled up to 1,024 bytes."""
    for name, value, size in SIZES:
        for extra, expected in ((0, 1.0), (1, 2.0)):
            filler = "x" * (1024 - 2 - 1 - size - 1 + extra)  # names p, v and f, a key of one byte
            held = {"p": {"S": "a"}, "v": value, "f": {"S": filler}}
            request = {"TableName": TABLE, "Item": held, "ReturnConsumedCapacity": "TOTAL"}
            yield case(f"capacity: {name}, {1024 + extra} bytes", SETUP, do("PutItem", request, units(expected)))
    for size, message in ((409600, None), (409601, "Item size has exceeded the maximum allowed size")):
        request = {"TableName": TABLE, "Item": item(size)}
        yield case(
            f"capacity: an item of {size} bytes", SETUP, do("PutItem", request, {} if message is None else message)
        )
    for size, message in ((409600, None), (409601, "Item size to update has exceeded the maximum allowed size")):
        request = {
            "TableName": TABLE,
            "Key": {"p": {"S": "a"}},
            "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"S": "x" * (size - OVERHEAD)}},
        }
        yield case(
            f"capacity: an update to {size} bytes", SETUP, do("UpdateItem", request, {} if message is None else message)
        )


SIZES: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("a string in UTF-8", {"S": "\u00e4\u20ac"}, 5),
    ("a binary", {"B": "YWI="}, 2),
    ("a boolean", {"BOOL": False}, 1),
    ("null", {"NULL": True}, 1),
    ("an empty list", {"L": []}, 3),
    ("an empty map", {"M": {}}, 3),
    ("a list", {"L": [{"S": "ab"}, {"BOOL": True}]}, 3 + 2 + 3),
    ("a map", {"M": {"k": {"S": "ab"}}}, 3 + 1 + 3),
    ("a string set", {"SS": ["ab", "c"]}, 3),
)
