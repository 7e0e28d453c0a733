"""Keys of every type: read, replaced, removed, and listed in their order by every operator."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from dynamodb_cases.model import Case, Step, case, do, table


def _binary(data: bytes) -> dict[str, str]:
    return {"B": b64encode(data).decode()}


IN_ORDER: dict[str, list[dict[str, str]]] = {
    "S": [
        {"S": text}
        for text in (
            "\0",
            "\0\0",
            "A",
            "Z",
            "a",
            "a\0",
            "a\0b",
            "a ",
            "aa",
            "ab",
            "b",
            "\u00e4",
            "\u20ac",
            "\uffff",
            "\U0001f600",
        )
    ],
    "N": [
        {"N": text}
        for text in (
            "-" + "9" * 38 + "0" * 88,
            "-1000",
            "-100.5",
            "-100",
            "-99.9",
            "-10",
            "-1.01",
            "-1",
            "-0.1",
            "-0." + "0" * 129 + "1",
            "0",
            "0." + "0" * 129 + "1",
            "0.09",
            "0.1",
            "0.11",
            "1",
            "1." + "0" * 36 + "1",
            "2",
            "9.99",
            "10",
            "10.01",
            "99",
            "100",
            "12345678901234567890123456789012345678",
            "9" * 38 + "0" * 88,
        )
    ],
    "B": [
        _binary(data)
        for data in (
            b"\0",
            b"\0\0",
            b"\0\x01",
            b"\x01",
            b"a",
            b"a\0",
            b"a\xff",
            b"b",
            b"\x7f",
            b"\x80",
            b"\xff",
            b"\xff\xff",
        )
    ],
}
"""Key values of each type, ascending."""
VALUES: dict[str, dict[str, str]] = {"S": {"S": "a"}, "N": {"N": "-1.5"}, "B": _binary(b"\0\xff")}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for hash_kind in "SNB":
        yield from _one("keys", hash_kind, None)
        for range_kind in "SNB":
            yield from _one("keys", hash_kind, range_kind)
    for kind, values in IN_ORDER.items():
        yield from _ordered(kind, values)


def _one(name: str, hash_kind: str, range_kind: str | None) -> Iterator[Case]:
    """An item under a key of these types is found, replaced, and gone."""
    schema = f"p {hash_kind}" + (f", s {range_kind}" if range_kind else "")
    key = {"p": VALUES[hash_kind], **({"s": VALUES[range_kind]} if range_kind else {})}
    request: dict[str, Any] = {"TableName": name, "Key": key}
    yield case(
        f"keys: {schema}",
        [table(name, schema)],
        do("PutItem", {"TableName": name, "Item": {**key, "v": {"N": "1"}}}, {}),
        do("GetItem", request, {"Item": {**key, "v": {"N": "1"}}}),
        do("PutItem", {"TableName": name, "Item": {**key, "v": {"N": "2"}}, "ReturnValues": "ALL_OLD"},
           {"Attributes": {**key, "v": {"N": "1"}}}),
        do("Scan", {"TableName": name}, {"Count": 1, "ScannedCount": 1, "Items": [{**key, "v": {"N": "2"}}]}),
        do("UpdateItem", {**request, "UpdateExpression": "REMOVE v", "ReturnValues": "ALL_NEW"}, {"Attributes": key}),
        do("DeleteItem", {**request, "ReturnValues": "ALL_OLD"}, {"Attributes": key}),
        do("GetItem", request, {}),
    )  # fmt: skip


def _ordered(kind: str, values: list[dict[str, str]]) -> Iterator[Case]:
    name = "ordered"
    # Written in an order that is neither up nor down.
    puts = [
        do("PutItem", {"TableName": name, "Item": {"p": {"S": "a"}, "s": value}})
        for value in (*values[::2], *values[1::2][::-1])
    ]
    setup = [table(name, f"p S, s {kind}"), *puts]
    yield case(f"keys: the order of {kind}", setup, _query("", {}, values))
    yield case(f"keys: the order of {kind} in reverse", setup, _query("", {}, values[::-1], ScanIndexForward=False))
    for number, value in enumerate(values):
        ranges = {
            "=": values[number : number + 1],
            "<": values[:number],
            "<=": values[: number + 1],
            ">": values[number + 1 :],
            ">=": values[number:],
        }
        for operator, expected in ranges.items():
            step = _query(f" AND s {operator} :s", {":s": value}, expected)
            yield case(f"keys: {kind} number {number}: {operator}", setup, step)
        until = values[min(number + 3, len(values) - 1)]
        step = _query(" AND s BETWEEN :s AND :t", {":s": value, ":t": until}, values[number : number + 4])
        yield case(f"keys: {kind} number {number}: BETWEEN", setup, step)
        if kind != "N":
            expected = [each for each in values if _starts(each, value)]
            step = _query(" AND begins_with(s, :s)", {":s": value}, expected)
            yield case(f"keys: {kind} number {number}: begins_with", setup, step)


def _starts(value: dict[str, str], prefix: dict[str, str]) -> bool:
    return _bytes(value).startswith(_bytes(prefix))


def _bytes(value: dict[str, str]) -> bytes:

    return value["S"].encode() if "S" in value else b64decode(value["B"])


def _query(condition: str, values: dict[str, Any], expected: list[dict[str, str]], **more: Any) -> Step:
    request = {
        "TableName": "ordered",
        "KeyConditionExpression": f"p = :p{condition}",
        "ExpressionAttributeValues": {":p": {"S": "a"}, **values},
        "ProjectionExpression": "s",
        **more,
    }
    items = [{"s": value} for value in expected]
    return do("Query", request, {"Count": len(items), "ScannedCount": len(items), "Items": items})
