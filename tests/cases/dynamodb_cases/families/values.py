"""Every type of value: stored and answered as it was, or refused."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from dynamodb_cases.model import Case, case, do, table

TABLE = "values"
SETUP = [table(TABLE, "p S")]


def nested(levels: int) -> dict[str, Any]:
    """Return a string inside so many maps."""
    return {"M": {"m": nested(levels - 1)}} if levels else {"S": "x"}


def nested_lists(levels: int) -> dict[str, Any]:
    """Return a number inside so many lists."""
    return {"L": [nested_lists(levels - 1)]} if levels else {"N": "1"}


def binary(data: bytes) -> str:
    """Return base64."""
    return b64encode(data).decode()


SAME: dict[str, dict[str, Any]] = {
    "a string": {"S": "a"},
    "an empty string": {"S": ""},
    "a string with a nul": {"S": "a\0b"},
    "a string of nuls": {"S": "\0\0"},
    "control characters": {"S": '\x01\x1f\x7f\t\r\n"\\/'},
    "a string beyond the first plane": {"S": "\U0001f600 e\u0301 \uffff \ufeff"},
    "a string that looks like JSON": {"S": '{"S": "a"}'},
    "a string with separators of lines": {"S": "\u2028\u2029"},
    "a long string": {"S": "a" * 100_000},
    "a binary": {"B": binary(b"a")},
    "an empty binary": {"B": ""},
    "a binary of all bytes": {"B": binary(bytes(range(256)))},
    "true": {"BOOL": True},
    "false": {"BOOL": False},
    "null": {"NULL": True},
    "a string set": {"SS": ["b", "a"]},
    "a string set with an empty member": {"SS": ["", "a"]},
    "a number set": {"NS": ["10", "9", "-1"]},
    "a binary set": {"BS": [binary(b"b"), binary(b"a")]},
    "a list": {"L": [{"S": "b"}, {"N": "1"}, {"S": "b"}, {"NULL": True}]},
    "an empty list": {"L": []},
    "a map": {"M": {"b": {"S": "x"}, "a": {"N": "1"}}},
    "an empty map": {"M": {}},
    "a map with names of types": {"M": {"S": {"S": "S"}, "N": {"N": "1"}}},
    "a map with a long name": {"M": {"n" * 1000: {"S": "x"}}},
    "lists in maps in lists": {"L": [{"M": {"l": {"L": [{"L": []}, {"M": {}}]}}}]},
    "sets in maps": {"M": {"s": {"SS": ["a"]}, "n": {"NS": ["1", "2"]}}},
    "31 maps": nested(31),
    "31 lists": nested_lists(31),
}

NUMBERS: dict[str, str] = {
    "0": "0",
    "-0": "0",
    "0.000": "0",
    "0e10": "0",
    "+5": "5",
    "007": "7",
    "1.0": "1",
    "1.50": "1.5",
    "100": "100",
    "1e2": "100",
    "1E+2": "100",
    "1.5e1": "15",
    "15e-1": "1.5",
    "1e-3": "0.001",
    ".5": "0.5",
    "-.5": "-0.5",
    "-1.10": "-1.1",
    "-12345.678900": "-12345.6789",
    "12345678901234567890123456789012345678": "12345678901234567890123456789012345678",
    "1.2345678901234567890123456789012345678": "1.2345678901234567890123456789012345678",
    "-99999999999999999999999999999999999999": "-99999999999999999999999999999999999999",
    "123456789012345678901234567890123456780": "123456789012345678901234567890123456780",
    "0.000012345678901234567890123456789012345678": "0.000012345678901234567890123456789012345678",
    "1E125": "1" + "0" * 125,
    "9.9999999999999999999999999999999999999E+125": "9" * 38 + "0" * 88,
    "-9.9999999999999999999999999999999999999E+125": "-" + "9" * 38 + "0" * 88,
    "1E-130": "0." + "0" * 129 + "1",
    "-1E-130": "-0." + "0" * 129 + "1",
}

OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
DIGITS = "Attempting to store more than 38 significant digits in a Number"
NOT_NUMERIC = "The parameter cannot be converted to a numeric value"

BAD_NUMBERS: dict[str, str] = {
    "1E126": OVERFLOW,
    "-1E126": OVERFLOW,
    "9.99999999999999999999999999999999999999E+126": OVERFLOW,
    "1E1000": OVERFLOW,
    "1E-131": UNDERFLOW,
    "-1E-131": UNDERFLOW,
    "123456789012345678901234567890123456789": DIGITS,
    "1.23456789012345678901234567890123456789": DIGITS,
    "1" + "0" * 38 + "1": DIGITS,
    "": NOT_NUMERIC,
    "b": f"{NOT_NUMERIC}: b",
    "1b": f"{NOT_NUMERIC}: 1b",
    "--1": f"{NOT_NUMERIC}: --1",
    "1e": f"{NOT_NUMERIC}: 1e",
    "1,5": f"{NOT_NUMERIC}: 1,5",
    "Infinity": f"{NOT_NUMERIC}: Infinity",
    "NaN": f"{NOT_NUMERIC}: NaN",
    "0x10": f"{NOT_NUMERIC}: 0x10",
}

_INVALID = "One or more parameter values were invalid: "
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
    "two types": (
        {"S": "a", "N": "1"},
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    ),
    "no type in a list": (
        {"L": [{"S": "a"}, {}]},
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    ),
    "two types in a map": (
        {"M": {"a": {"S": "a", "SS": ["a"]}}},
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    ),
    "an empty string set": ({"SS": []}, f"{_INVALID}An string set  may not be empty"),
    "an empty number set": ({"NS": []}, f"{_INVALID}An number set  may not be empty"),
    "an empty binary set": ({"BS": []}, f"{_INVALID}Binary sets should not be empty"),
    "a string twice": ({"SS": ["a", "b", "a"]}, f"{_INVALID}Input collection [a, b, a] contains duplicates."),
    "a number twice": ({"NS": ["1", "2", "1.0"]}, "Input collection contains duplicates"),
    "a binary twice": (
        {"BS": ["Yg==", "YQ==", "Yg=="]},
        f"{_INVALID}Input collection [Yg==, YQ==, Yg==]of type BS contains duplicates.",
    ),
    "a bad number in a set": ({"NS": ["1", "x"]}, f"{NOT_NUMERIC}: x"),
    "a bad number in a map": ({"M": {"a": {"N": "x"}}}, f"{NOT_NUMERIC}: x"),
    "32 maps": (nested(32), TOO_DEEP),
    "32 lists": (nested_lists(32), TOO_DEEP),
}


def item(value: dict[str, Any]) -> dict[str, Any]:
    """Return an item that holds a value."""
    return {"p": {"S": "a"}, "v": value}


def cases() -> Iterator[Case]:
    """Yield the cases."""
    key = {"TableName": TABLE, "Key": {"p": {"S": "a"}}}
    for name, value in SAME.items():
        put = do("PutItem", {"TableName": TABLE, "Item": item(value)}, {})
        yield case(f"values: {name}", SETUP, put, do("GetItem", key, {"Item": item(value)}))
    for text, normal in NUMBERS.items():
        put = do("PutItem", {"TableName": TABLE, "Item": item({"N": text})}, {})
        yield case(f"values: the number {text}", SETUP, put, do("GetItem", key, {"Item": item({"N": normal})}))
    for text, message in BAD_NUMBERS.items():
        yield case(
            f"values: no number {text!r}",
            SETUP,
            do("PutItem", {"TableName": TABLE, "Item": item({"N": text})}, message),
        )
    for name, (value, message) in BAD.items():
        yield case(f"values: {name}", SETUP, do("PutItem", {"TableName": TABLE, "Item": item(value)}, message))
    yield from _by_update()


def _by_update() -> Iterator[Case]:
    """The same values written by UpdateItem, whose errors name the placeholder."""
    request = {"TableName": TABLE, "Key": {"p": {"S": "a"}}, "UpdateExpression": "SET v = :v"}
    for name, value in SAME.items():
        step = do("UpdateItem", {**request, "ExpressionAttributeValues": {":v": value}}, {})
        read = do("GetItem", {"TableName": TABLE, "Key": {"p": {"S": "a"}}}, {"Item": item(value)})
        yield case(f"values by update: {name}", SETUP, step, read)
    for name, (value, message) in BAD.items():
        if message == TOO_DEEP:
            continue
        expected = f"ExpressionAttributeValues contains invalid value: {message} for key :v"
        step = do("UpdateItem", {**request, "ExpressionAttributeValues": {":v": value}}, expected)
        yield case(f"values by update: {name}", SETUP, step)
