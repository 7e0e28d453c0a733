"""AttributeUpdates by action and types, KeyConditions by operator and type, and legacy members beside expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dynamodb_cases.families.comparisons import HELD
from dynamodb_cases.model import Case, case, do, table

UPDATED = "updated"
SORTED = "sorted"
ITEM: dict[str, Any] = {"p": {"S": "a"}, **{f"v{kind}": value for kind, value in HELD.items()}}
SETUP = [table(UPDATED, "p S"), do("PutItem", {"TableName": UPDATED, "Item": ITEM})]
GIVEN: dict[str, dict[str, Any]] = {
    **HELD,
    "N": {"N": "5"},
    "SS": {"SS": ["b", "c"]},
    "NS": {"NS": ["2.0", "3"]},
    "BS": {"BS": ["Yg==", "Yw=="]},
    "L": {"L": [{"NULL": True}]},
}
"""Values that updates are made of."""
ADDED: dict[str, dict[str, Any]] = {
    "N": {"N": "15"},
    "SS": {"SS": ["a", "b", "c"]},
    "NS": {"NS": ["1", "2", "3"]},
    "BS": {"BS": ["YQ==", "Yg==", "Yw=="]},
    "L": {"L": [{"S": "a"}, {"N": "1"}, {"NULL": True}]},
}
FRESH: Mapping[str, dict[str, Any]] = {**{kind: GIVEN[kind] for kind in ADDED}, "NS": {"NS": ["2", "3"]}}
"""What ADD makes of nothing."""
LEFT: dict[str, dict[str, Any]] = {"SS": {"SS": ["a"]}, "NS": {"NS": ["1"]}, "BS": {"BS": ["YQ=="]}}
"""What DELETE leaves."""
MISMATCH = "Type mismatch for attribute to update"
INVALID = "One or more parameter values were invalid: "
SCHEMA = f"{INVALID}Condition parameter type does not match schema type"
NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for held in (*HELD, "nothing"):
        for kind in GIVEN:
            for action in ("PUT", "ADD", "DELETE"):
                yield _update(held, action, kind)
    for kind, values in SORT_KEYS.items():
        yield from _key_conditions(kind, values)
    yield from _mixed()


def _update(held: str, action: str, kind: str) -> Case:
    name = "zz" if held == "nothing" else f"v{held}"
    request = {
        "TableName": UPDATED,
        "Key": {"p": {"S": "a"}},
        "AttributeUpdates": {name: {"Action": action, "Value": GIVEN[kind]}},
        "ReturnValues": "ALL_NEW",
    }
    expected: Any = _refused(held, action, kind)
    if expected is None:
        item = {**ITEM, name: _outcome(held, action, kind)}
        expected = {"Attributes": {key: value for key, value in item.items() if value is not None}}
    return case(f"legacy members: {action} {kind} to {held}", SETUP, do("UpdateItem", request, expected))


def _refused(held: str, action: str, kind: str) -> str | None:
    if action == "ADD" and kind not in ADDED:
        return f"{INVALID}ADD action is not supported for the type {kind}"
    if action == "DELETE" and kind not in LEFT:
        return f"{INVALID}DELETE action with value is not supported for the type {kind}"
    return MISMATCH if action != "PUT" and held not in (kind, "nothing") else None


def _outcome(held: str, action: str, kind: str) -> dict[str, Any] | None:
    """Return the attribute's value after an update that is possible."""
    if action == "PUT":
        return FRESH[kind] if kind in FRESH else GIVEN[kind]
    if held == "nothing":
        return FRESH[kind] if action == "ADD" else None
    return ADDED[kind] if action == "ADD" else LEFT[kind]


SORT_KEYS: Mapping[str, Sequence[str]] = {
    "S": ("a", "ab", "b", "c"),
    "N": ("-1", "0.5", "2", "10"),
    "B": ("YQ==", "YWI=", "Yg==", "Yw=="),
}
"""Four sort keys of each type, in order; the first is a beginning of the second where beginnings exist."""
RANGES: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "EQ": ((1,), (1,)),
    "LT": ((2,), (0, 1)),
    "LE": ((2,), (0, 1, 2)),
    "GT": ((1,), (2, 3)),
    "GE": ((1,), (1, 2, 3)),
    "BETWEEN": ((1, 2), (1, 2)),
    "BEGINS_WITH": ((0,), (0, 1)),
}
"""Operators of sort keys: places of the arguments, and of what is found."""


def _key_conditions(kind: str, values: Sequence[str]) -> Iterator[Case]:
    puts = [{"PutRequest": {"Item": {"p": {"S": "a"}, "s": {kind: value}}}} for value in values]
    setup = [table(SORTED, f"p S, s {kind}"), do("BatchWriteItem", {"RequestItems": {SORTED: puts}})]

    def query(name: str, operator: str, arguments: Sequence[Any], expected: Any) -> Case:
        condition: dict[str, Any] = {"ComparisonOperator": operator}
        if arguments:
            condition["AttributeValueList"] = list(arguments)
        partition = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}
        request = {"TableName": SORTED, "KeyConditions": {"p": partition, "s": condition}}
        return case(f"legacy members: sort key {kind} {name}", setup, do("Query", request, expected))

    for operator, (places, found) in RANGES.items():
        arguments = [{kind: values[place]} for place in places]
        items = [{"p": {"S": "a"}, "s": {kind: values[place]}} for place in found]
        answer: Any = {"Count": len(items), "ScannedCount": len(items), "Items": items}
        if operator == "BEGINS_WITH" and kind == "N":
            answer = f"{INVALID}ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type"
        yield query(operator, operator, arguments, answer)
        other = {"S": "x"} if kind != "S" else {"B": "YQ=="}
        yield query(f"{operator} of another type", operator, [other] * len(places), SCHEMA)
    for operator in ("NE", "IN", "CONTAINS", "NOT_CONTAINS"):
        yield query(operator, operator, [{kind: values[0]}], NOT_INDEXABLE)
    for operator in ("NULL", "NOT_NULL"):
        yield query(operator, operator, [], NOT_INDEXABLE)


KEY = {"p": {"S": "a"}}
CONDITION = {"p": {"ComparisonOperator": "NOT_NULL"}}
LEGACY: Mapping[str, Any] = {
    "AttributesToGet": ["p"],
    "AttributeUpdates": {"v": {"Value": {"S": "x"}}},
    "Expected": CONDITION,
    "ConditionalOperator": "OR",
    "KeyConditions": {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}},
    "QueryFilter": CONDITION,
    "ScanFilter": CONDITION,
}
EXPRESSIONS: Mapping[str, str] = {
    "ProjectionExpression": "p",
    "ConditionExpression": "attribute_exists(p)",
    "FilterExpression": "attribute_exists(p)",
    "KeyConditionExpression": "p = p",
    "UpdateExpression": "REMOVE v",
}
MEMBERS: Mapping[str, tuple[Mapping[str, Any], Sequence[str], Sequence[str]]] = {
    "GetItem": ({"Key": KEY}, ("AttributesToGet",), ("ProjectionExpression",)),
    "PutItem": ({"Item": KEY}, ("Expected", "ConditionalOperator"), ("ConditionExpression",)),
    "DeleteItem": ({"Key": KEY}, ("Expected", "ConditionalOperator"), ("ConditionExpression",)),
    "UpdateItem": (
        {"Key": KEY},
        ("AttributeUpdates", "Expected", "ConditionalOperator"),
        ("UpdateExpression", "ConditionExpression"),
    ),
    "Query": (
        {},
        ("AttributesToGet", "KeyConditions", "QueryFilter", "ConditionalOperator"),
        ("ProjectionExpression", "KeyConditionExpression", "FilterExpression"),
    ),
    "Scan": (
        {},
        ("AttributesToGet", "ScanFilter", "ConditionalOperator"),
        ("ProjectionExpression", "FilterExpression"),
    ),
}
"""Members of an operation that go with each other: what it needs, legacy ones and expressions."""


def _mixed() -> Iterator[Case]:
    for operation, (needed, legacy, expressions) in MEMBERS.items():
        for old in legacy:
            for new in expressions:
                request = {"TableName": UPDATED, **needed, old: LEGACY[old], new: EXPRESSIONS[new]}
                text = (
                    "Can not use both expression and non-expression parameters in the same request: "
                    f"Non-expression parameters: {{{old}}} Expression parameters: {{{new}}}"
                )
                yield case(f"legacy members: {operation}, {old} and {new}", SETUP, do(operation, request, text))
