"""Every ComparisonOperator over every pair of types: as ScanFilter, and by turns as QueryFilter and Expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

from dynamodb_cases.families.comparisons import ABOVE, BELOW, FAILED, HELD
from dynamodb_cases.model import Case, case, do, table

TABLE = "operators"
SETUP = [
    table(TABLE, "p S"),
    do(
        "PutItem",
        {"TableName": TABLE, "Item": {"p": {"S": "a"}, **{f"v{kind}": value for kind, value in HELD.items()}}},
    ),
]
SCALARS = ("S", "N", "B")
ALLOWED: Mapping[str, Sequence[str]] = {
    "EQ": tuple(HELD),
    "NE": tuple(HELD),
    **dict.fromkeys(("LT", "LE", "GT", "GE", "BETWEEN", "IN", "CONTAINS", "NOT_CONTAINS"), SCALARS),
    "BEGINS_WITH": ("S", "B"),
}
"""Types of arguments that an operator takes (API reference, Condition)."""
ORDERS: Mapping[str, tuple[bool, bool, bool]] = {
    "LT": (True, False, False),
    "LE": (True, True, False),
    "GT": (False, False, True),
    "GE": (False, True, True),
}
"""Whether an operator holds for a value below, equal to and above its argument."""
CONTAINED: Mapping[str, Sequence[tuple[dict[str, Any], bool]]] = {
    "S": (({"S": "b"}, True), ({"S": "c"}, False), ({"B": "Yg=="}, False)),
    "B": (({"B": "Yg=="}, True), ({"B": "Yw=="}, False)),
    "SS": (({"S": "a"}, True), ({"S": "c"}, False), ({"N": "1"}, False)),
    "NS": (({"N": "2.0"}, True), ({"N": "3"}, False), ({"S": "1"}, False)),
    "BS": (({"B": "YQ=="}, True), ({"B": "Yw=="}, False)),
    "L": (({"S": "a"}, True), ({"N": "1.0"}, True), ({"S": "1"}, False)),
    "M": (({"S": "a"}, False), ({"S": "b"}, False)),
    "N": (({"N": "1"}, False),),
}
COUNTS: Mapping[str, tuple[int, ...]] = {
    "NULL": (1, 2),
    "NOT_NULL": (1, 2),
    "BETWEEN": (0, 1, 3),
    "IN": (0,),
    **dict.fromkeys(("EQ", "NE", "LT", "LE", "GT", "GE", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH"), (0, 2, 3)),
}
"""Numbers of arguments that an operator does not take."""
INVALID = "One or more parameter values were invalid: "


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for operator in ALLOWED:
        for held in HELD:
            for kind, argument in HELD.items():
                yield from _pair(operator, held, kind, argument)
    for held in HELD:
        yield from _everywhere(f"{held} NULL", f"v{held}", "NULL", (), False)
        yield from _everywhere(f"{held} NOT_NULL", f"v{held}", "NOT_NULL", (), True)
    yield from _everywhere("nothing NULL", "zz", "NULL", (), True)
    yield from _everywhere("nothing NOT_NULL", "zz", "NOT_NULL", (), False)
    yield from _orders()
    yield from _contained()
    yield from _ranges_and_lists()
    yield from _counts()


def _pair(operator: str, held: str, kind: str, argument: dict[str, Any]) -> Iterator[Case]:
    arguments = [argument, argument] if operator == "BETWEEN" else [argument]
    expected: bool | str
    if kind not in ALLOWED[operator]:
        expected = f"{INVALID}ComparisonOperator {operator} is not valid for {kind} AttributeValue type"
    elif operator in ("CONTAINS", "NOT_CONTAINS"):
        expected = _contains(held, kind) == (operator == "CONTAINS")
    elif operator == "NE":
        expected = held != kind
    else:
        expected = held == kind and operator not in ("LT", "GT")
    yield from _everywhere(f"{held} {operator} {kind}", f"v{held}", operator, arguments, expected)


def _contains(held: str, kind: str) -> bool:
    """Tell whether the value held of one type contains the one held of another."""
    return (held, kind) in {("S", "S"), ("B", "B"), ("SS", "S"), ("BS", "B")}


def _orders() -> Iterator[Case]:
    for operator, holds in ORDERS.items():
        for kind in SCALARS:
            for argument, expected in zip((ABOVE[kind], HELD[kind], BELOW[kind]), holds, strict=True):
                name = f"{kind} {operator} {next(iter(argument.values()))}"
                yield from _everywhere(name, f"v{kind}", operator, [argument], expected)


def _contained() -> Iterator[Case]:
    for held, arguments in CONTAINED.items():
        for argument, expected in arguments:
            name = f"{held} CONTAINS {argument}"
            yield from _everywhere(name, f"v{held}", "CONTAINS", [argument], expected)
            yield from _everywhere(f"not: {name}", f"v{held}", "NOT_CONTAINS", [argument], not expected)
    for argument, expected in (({"S": ""}, True), ({"S": "b"}, True), ({"S": "bb"}, False), ({"B": "Yg=="}, False)):
        yield from _everywhere(f"S BEGINS_WITH {argument}", "vS", "BEGINS_WITH", [argument], expected)


def _ranges_and_lists() -> Iterator[Case]:
    for kind in SCALARS:
        low, held, high = BELOW[kind], HELD[kind], ABOVE[kind]
        for name, bounds, expected in (
            ("around", [low, high], True),
            ("from", [held, high], True),
            ("to", [low, held], True),
            ("below", [low, low], False),
            ("above", [high, high], False),
        ):
            yield from _everywhere(f"{kind} BETWEEN {name}", f"v{kind}", "BETWEEN", bounds, expected)
        swapped = (
            f"{INVALID}The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )
        yield from _everywhere(f"{kind} BETWEEN swapped", f"v{kind}", "BETWEEN", [high, low], swapped)
        yield from _everywhere(f"{kind} IN three", f"v{kind}", "IN", [low, held, high], True)
        yield from _everywhere(f"{kind} IN others", f"v{kind}", "IN", [low, high], False)
    for operator in ("IN", "BETWEEN"):
        mixed = f"{INVALID}AttributeValues inside AttributeValueList must be of same type"
        yield from _everywhere(f"{operator} of two types", "vS", operator, [{"S": "a"}, {"N": "1"}], mixed)


def _counts() -> Iterator[Case]:
    for operator, counts in COUNTS.items():
        for count in counts:
            text = f"{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"
            yield from _everywhere(f"{operator} of {count}", "vS", operator, [{"S": "a"}] * count, text)


def _everywhere(
    name: str, attribute: str, operator: str, arguments: Sequence[dict[str, Any]], expected: bool | str
) -> Iterator[Case]:
    condition: dict[str, Any] = {"ComparisonOperator": operator}
    if arguments or operator not in ("NULL", "NOT_NULL"):
        condition["AttributeValueList"] = list(arguments)
    conditions = {attribute: condition}
    count = {"Count": int(expected is True), "ScannedCount": 1}
    answer = expected if isinstance(expected, str) else count
    scan = {"TableName": TABLE, "Select": "COUNT", "ScanFilter": conditions}
    query = {
        "TableName": TABLE,
        "Select": "COUNT",
        "KeyConditions": {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}},
        "QueryFilter": conditions,
    }
    # Deleting changes something, so it stands for Expected only where it must fail.
    delete = {"TableName": TABLE, "Key": {"p": {"S": "a"}}, "Expected": conditions}
    yield case(f"legacy operators: {name} in ScanFilter", SETUP, do("Scan", scan, answer))
    if expected is True or crc32(name.encode()) % 2:
        step = do("Query", query, answer)
        yield case(f"legacy operators: {name} in QueryFilter", SETUP, step)
    else:
        yield case(f"legacy operators: {name} in Expected", SETUP, do("DeleteItem", delete, expected or FAILED))
