"""Global indexes whose keys have several attributes: sparse, ordered by tuples, queried from the left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynamodb_cases.model import Case, Step, case, create_request, do

TABLE = "compound"
REGIONS, YEARS, NAMES = ("eu", "us"), ("2024", "2025"), ("a", "a\0", "ab", "b")


def _create() -> dict[str, Any]:
    request = create_request(TABLE, "p S", {}, {})
    request["AttributeDefinitions"] += [
        {"AttributeName": "r", "AttributeType": "S"},
        {"AttributeName": "t", "AttributeType": "S"},
        {"AttributeName": "y", "AttributeType": "N"},
        {"AttributeName": "n", "AttributeType": "S"},
    ]
    schema = [("r", "HASH"), ("t", "HASH"), ("y", "RANGE"), ("n", "RANGE")]
    request["GlobalSecondaryIndexes"] = [
        {
            "IndexName": "many",
            "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role in schema],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]
    return request


ROWS = [
    {"p": {"S": f"{r}{y}{n}"}, "r": {"S": r}, "t": {"S": "x"}, "y": {"N": y}, "n": {"S": n}}
    for r in REGIONS
    for y in YEARS
    for n in NAMES
]
SETUP = [
    do("CreateTable", _create()),
    *(do("PutItem", {"TableName": TABLE, "Item": row}) for row in (*ROWS[::2], *ROWS[1::2])),
    do(
        "PutItem",
        {"TableName": TABLE, "Item": {"p": {"S": "sparse"}, "r": {"S": "eu"}, "y": {"N": "2024"}, "n": {"S": "a"}}},
    ),
]
EU = [row for row in ROWS if row["r"] == {"S": "eu"}]
Y24, Y25 = EU[:4], EU[4:]


def _query(condition: str, rows: list[dict[str, Any]], *, last: bool = False, **more: Any) -> Step:
    values = {
        ":r": {"S": "eu"},
        ":t": {"S": "x"},
        ":y": {"N": "2024"},
        ":z": {"N": "2025"},
        ":n": {"S": "a"},
        ":m": {"S": "ab"},
    }
    text = f"r = :r AND t = :t{condition}"
    request = {
        "TableName": TABLE,
        "IndexName": "many",
        "KeyConditionExpression": text,
        "ExpressionAttributeValues": {symbol: value for symbol, value in values.items() if symbol in text},
        **more,
    }
    answer: dict[str, Any] = {"Count": len(rows), "ScannedCount": len(rows), "Items": rows}
    if last:
        answer["LastEvaluatedKey"] = rows[-1]
    return do("Query", request, answer)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for name, condition, rows in (
        ("a partition", "", EU),
        ("the first sort key", " AND y = :y", Y24),
        ("a range of the first sort key", " AND y > :y", Y25),
        ("a range of the first sort key to its end", " AND y <= :y", Y24),
        ("both sort keys", " AND y = :y AND n = :n", Y24[:1]),
        ("a range of the last sort key", " AND y = :y AND n > :n", Y24[1:]),
        ("a range of the last sort key to its end", " AND y = :y AND n <= :m", Y24[:3]),
        ("the last sort key between", " AND y = :z AND n BETWEEN :n AND :m", Y25[:3]),
        ("the last sort key begins with", " AND y = :z AND begins_with(n, :n)", Y25[:3]),
        ("the first sort key between", " AND y BETWEEN :y AND :z", EU),
    ):
        yield case(f"compound: {name}", SETUP, _query(condition, rows))
        yield case(f"compound: {name}, in reverse", SETUP, _query(condition, rows[::-1], ScanIndexForward=False))
    yield case("compound: a page", SETUP, _query("", EU[:3], last=True, Limit=3))
    yield case("compound: the next page", SETUP, _query("", EU[3:], ExclusiveStartKey=EU[2]))
    for name, text, message in (
        ("half of a partition key", "r = :r", "Query condition missed key schema element: t"),
        ("a sort key left out", "r = :r AND t = :t AND n = :n", "Query condition missed key schema element: y"),
    ):
        request = {
            "TableName": TABLE,
            "IndexName": "many",
            "KeyConditionExpression": text,
            "ExpressionAttributeValues": {f":{name}": {"S": "a"} for name in "rtn" if f":{name}" in text},
        }
        yield case(f"compound: {name}", SETUP, do("Query", request, message))
