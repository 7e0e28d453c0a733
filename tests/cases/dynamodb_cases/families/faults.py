"""What is wrong with an expression is told in the same words wherever it stands; the member is named in front."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dynamodb_cases.model import Case, case, do, table

TABLE = "faults"
SETUP = [table(TABLE, "p S")]
KEY = {"p": {"S": "a"}}

MEMBERS: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "ConditionExpression": (
        ("PutItem", {"Item": KEY}),
        ("DeleteItem", {"Key": KEY}),
        ("UpdateItem", {"Key": KEY}),
    ),
    "FilterExpression": (("Scan", {}),),
}
VALUES: Mapping[str, Any] = {":v": {"S": "b"}, ":u": {"S": "a"}, ":n": {"N": "1"}, ":b": {"BOOL": True}}

FAULTS: tuple[tuple[str, str, str], ...] = (
    *json.loads(Path(__file__).with_suffix(".json").read_text("utf-8")),
    (
        "101 operands",
        f"a IN ({', '.join([':v'] * 101)})",
        "The IN operator is provided with too many operands; number of operands: 101",
    ),
    (
        "301 operators",
        " AND ".join(["a=:v"] * 151),
        "The expression contains too many operators; operator count: 301",
    ),
)
"""Name, text, and what is wrong with it."""
TOO_LONG = {
    "ConditionExpression": "Expression size has exceeded the maximum allowed size;",
    "FilterExpression": "Expression size has exceeded the maximum allowed size; expression size: 4097",
}
"""What is wrong with a text of 4,097 bytes: only filters are told its size."""


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for member, operations in MEMBERS.items():
        for operation, request in operations:
            too_long = ("4,097 bytes", "a" * 4092 + " = :v", TOO_LONG[member])
            for name, text, problem in (*FAULTS, too_long):
                used = {symbol: value for symbol, value in VALUES.items() if symbol in text}
                whole: dict[str, Any] = {"TableName": TABLE, **request, member: text}
                if used:
                    whole["ExpressionAttributeValues"] = used
                message = f"Invalid {member}: {problem}"
                yield case(f"faults: {operation}, {name}", SETUP, do(operation, whole, message))
    yield from _large()


def _large() -> Iterator[Case]:
    """The largest expressions that are taken."""
    value = {"TableName": TABLE, "ExpressionAttributeValues": {":v": {"S": "b"}}}
    nothing: dict[str, Any] = {"Count": 0, "ScannedCount": 0, "Items": []}
    for name, text in (
        ("100 operands", f"a IN ({', '.join([':v'] * 100)})"),
        ("299 operators", " AND ".join(["a=:v"] * 150)),
        ("4,096 bytes", "a" * 4091 + " = :v"),
    ):
        yield case(f"faults: {name} are fine", SETUP, do("Scan", {**value, "FilterExpression": text}, nothing))
