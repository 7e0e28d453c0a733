"""JSON of a wrong type, at every member of every request of the data plane: the words of the service's parser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dynamodb_cases.model import Case, case, do, failure
from dynamodb_cases.published import DATA_PLANE, Place, places, shape_of

PACKAGE = "com.amazonaws.dynamodb.v20120810"
JAVA = {
    "string": "java.lang.String",
    "boolean": "java.lang.Boolean",
    "integer": "java.lang.Integer",
    "long": "java.lang.Long",
    "blob": "java.nio.ByteBuffer",
}
WRONG: Mapping[str, Any] = {"string": "x", "number": 1, "decimal": 1.5, "flag": True, "list": [], "object": {}}
TOKENS = {"string": "STRING_VALUE", "number": "NUMBER_VALUE", "decimal": "DECIMAL_VALUE", "flag": "TRUE_VALUE"}
FITTING: Mapping[str, tuple[str, ...]] = {
    "string": ("string",),
    "boolean": ("flag",),
    "integer": ("number", "decimal"),
    "long": ("number", "decimal"),
    "list": ("list",),
    "map": ("object",),
    "structure": ("object",),
}
START = "Start of structure or map found where not expected."
FIELD = "Unexpected field type"
VALUE_MEMBERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "S": ("string", {}),
    "N": ("string", {}),
    "BOOL": ("boolean", {}),
    "NULL": ("boolean", {}),
    "SS": ("list", {}),
    "NS": ("list", {}),
    "BS": ("list", {}),
    "L": ("list", {}),
    "M": ("map", {"list": f"Unrecognized collection type java.util.Map<java.lang.String, {PACKAGE}.AttributeValue>"}),
    "B": (
        "blob",
        {
            "string": "Base64 encoded length is expected a multiple of 4 bytes but found: 1",
            "list": "Unrecognized collection type class java.nio.ByteBuffer",
            "object": START,
        },
    ),
}
"""Members of attribute values: their kind, and texts that do not follow from it."""


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for operation in DATA_PLANE:
        for place in places(operation):
            yield from _at(place)
    yield from _values()


def _at(place: Place) -> Iterator[Case]:
    row = shape_of(place.shape)
    kind = row["type"]
    for given, value in WRONG.items():
        if given not in FITTING[kind]:
            text = _text(kind, _java(place.shape), given)
            yield _case(f"{place.operation}, {place.name} as {given}", place.operation, place.request(value), text)


def _text(kind: str, java: str, given: str) -> str:
    if kind in ("structure", "map", "list"):
        if given == "object":
            return START
        return f"Unrecognized collection type {java}" if given == "list" else FIELD
    if given == "object":
        return START
    if given == "list":
        return f"Unrecognized collection type class {java}"
    if kind == "boolean" and given == "string":
        return "Unexpected token received from parser"
    return f"{TOKENS[given]} cannot be converted to {java.split('.')[-1]}"


def _java(shape: str, *, inside: bool = False) -> str:
    row = shape_of(shape)
    if row["type"] == "map":
        return f"java.util.Map<java.lang.String, {_java(row['value']['shape'], inside=True)}>"
    if row["type"] == "list":
        return f"java.util.List<{_java(row['member']['shape'], inside=True)}>"
    if row["type"] == "structure":
        return f"{PACKAGE}.{shape}" if inside else f"class {PACKAGE}.{shape}"
    return JAVA[row["type"]]


def _case(name: str, operation: str, request: Mapping[str, Any], text: str) -> Case:
    return case(f"structure: {name}", (), do(operation, request, failure("SerializationException", text)))


HOLDERS: Mapping[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "a key": lambda value: ("GetItem", {"TableName": "abc", "Key": {"p": value}}),
    "an item": lambda value: ("PutItem", {"TableName": "abc", "Item": {"p": {"L": [{"M": {"m": value}}]}}}),
    "an expression's value": lambda value: ("Scan", {"TableName": "abc", "ExpressionAttributeValues": {":v": value}}),
    "a batch's item": lambda value: (
        "BatchWriteItem",
        {"RequestItems": {"abc": [{"PutRequest": {"Item": {"p": value}}}]}},
    ),
    "a parameter": lambda value: ("ExecuteStatement", {"Statement": "x", "Parameters": [value]}),
    "an expected value": lambda value: (
        "DeleteItem",
        {"TableName": "abc", "Key": {"p": {"S": "a"}}, "Expected": {"p": {"Value": value}}},
    ),
    "a start key": lambda value: ("Query", {"TableName": "abc", "ExclusiveStartKey": {"p": value}}),
    "a transaction's value": lambda value: (
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Delete": {"TableName": "abc", "Key": {"p": {"S": "a"}}, "ExpressionAttributeValues": {":v": value}}}
            ]
        },
    ),
}


def _values() -> Iterator[Case]:
    for holder, build in HOLDERS.items():
        for given, value in WRONG.items():
            if given != "object":
                operation, request = build(value)
                text = f"Unrecognized collection type class {PACKAGE}.AttributeValue" if given == "list" else FIELD
                yield _case(f"{holder} as {given}", operation, request, text)
        for member, (kind, special) in VALUE_MEMBERS.items():
            for given, value in WRONG.items():
                if given in FITTING.get(kind, ()):
                    continue
                text = special.get(given) or _value_text(kind, given)
                operation, request = build({member: value})
                yield _case(f"{holder}, {member} as {given}", operation, request, text)
        for member in ("SS", "NS"):
            for given in ("number", "flag"):
                text = f"{TOKENS[given]} cannot be converted to String"
                operation, request = build({member: ["a", WRONG[given]]})
                yield _case(f"{holder}, {given} in {member}", operation, request, text)


def _value_text(kind: str, given: str) -> str:
    if kind == "blob":
        return "only base-64-encoded strings are convertible to bytes"
    return _text(kind, JAVA.get(kind, ""), given)
