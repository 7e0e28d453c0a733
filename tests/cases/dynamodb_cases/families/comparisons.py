"""Every comparator over every pair of types: a condition on what a value is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynamodb_cases.model import Case, Failure, case, do, failure, table, validation

TABLE = "comparisons"
HELD: dict[str, dict[str, Any]] = {
    "S": {"S": "b"},
    "N": {"N": "10"},
    "B": {"B": "Yg=="},
    "SS": {"SS": ["a", "b"]},
    "NS": {"NS": ["1", "2"]},
    "BS": {"BS": ["YQ==", "Yg=="]},
    "L": {"L": [{"S": "a"}, {"N": "1"}]},
    "M": {"M": {"a": {"S": "b"}}},
    "BOOL": {"BOOL": True},
    "NULL": {"NULL": True},
}
SETUP = [
    table(TABLE, "p S"),
    do(
        "PutItem",
        {"TableName": TABLE, "Item": {"p": {"S": "a"}, **{f"v{kind}": value for kind, value in HELD.items()}}},
    ),
]
BELOW = {"S": {"S": "a"}, "N": {"N": "9"}, "B": {"B": "YQ=="}}
ABOVE = {"S": {"S": "ba"}, "N": {"N": "10.5"}, "B": {"B": "YmE="}}
ORDERED = ("S", "N", "B")
HOLDS = {
    "=": (False, True, False),
    "<>": (True, False, True),
    "<": (True, False, False),
    "<=": (True, True, False),
    ">": (False, False, True),
    ">=": (False, True, True),
}
"""Whether a comparison holds for a value below, equal to and above its operand."""
FAILED = failure("ConditionalCheckFailedException", "The conditional request failed")


def _type_error(operator: str, kind: str) -> Failure:
    label = "operator" if operator in (*HOLDS, "BETWEEN") else "operator or function"
    return validation(
        f"Invalid ConditionExpression: Incorrect operand type for operator or function; {label}: {operator}, "
        f"operand type: {kind}"
    )


def _case(name: str, condition: str, values: dict[str, Any], expected: bool | Failure) -> Case:
    """A delete of another item's key would change nothing, so conditions are tried by failing or harmless deletes."""
    request: dict[str, Any] = {"TableName": TABLE, "Key": {"p": {"S": "a"}}, "ConditionExpression": condition}
    if values:
        request["ExpressionAttributeValues"] = values
    outcome: Failure | dict[str, Any] | None
    outcome = ({} if expected else FAILED) if isinstance(expected, bool) else expected
    return case(f"comparisons: {name}", SETUP, do("DeleteItem", request, outcome))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for operator, holds in HOLDS.items():
        for kind in ORDERED:
            for place, operand, expected in zip(
                ("above", "equal", "below"), (ABOVE[kind], HELD[kind], BELOW[kind]), holds, strict=True
            ):
                name = f"{kind} {operator} what is {place}"
                yield _case(name, f"v{kind} {operator} :v", {":v": operand}, expected)
        for held in HELD:
            for kind, operand in HELD.items():
                if held != kind or kind not in ORDERED:
                    yield _across(operator, held, kind, operand)
    yield from _functions()
    yield from _numbers()


def _across(operator: str, held: str, kind: str, operand: dict[str, Any]) -> Case:
    expected: bool | Failure
    if operator in ("=", "<>"):
        expected = (held == kind) == (operator == "=")
    elif kind in ORDERED:
        expected = False
    else:
        expected = _type_error(operator, kind)
    return _case(f"{held} {operator} {kind}", f"v{held} {operator} :v", {":v": operand}, expected)


def _functions() -> Iterator[Case]:
    for held in HELD:
        yield _case(f"{held} exists", f"attribute_exists(v{held})", {}, True)
        yield _case(f"{held} does not exist", f"attribute_not_exists(v{held})", {}, False)
        for kind in HELD:
            yield _case(f"{held} is of type {kind}", f"attribute_type(v{held}, :t)", {":t": {"S": kind}}, held == kind)
    for held in HELD:
        for kind, operand in HELD.items():
            expected: bool | Failure = held == kind and kind in ("S", "B")
            if kind not in ("S", "B"):
                expected = _type_error("begins_with", kind)
            yield _case(f"{held} begins with {kind}", f"begins_with(v{held}, :v)", {":v": operand}, expected)
    for name, condition, values, holds in CONTAINED:
        yield _case(name, condition, values, holds)
    for name, condition, values, holds in OTHERS:
        yield _case(name, condition, values, holds)


CONTAINED: tuple[tuple[str, str, dict[str, Any], bool], ...] = (
    ("a string contains a part", "contains(vS, :v)", {":v": {"S": "b"}}, True),
    ("a string contains the empty string", "contains(vS, :v)", {":v": {"S": ""}}, True),
    ("a string contains no other", "contains(vS, :v)", {":v": {"S": "c"}}, False),
    ("a string contains no binary", "contains(vS, :v)", {":v": {"B": "Yg=="}}, False),
    ("a binary contains a part", "contains(vB, :v)", {":v": {"B": "Yg=="}}, True),
    ("a string set contains a string", "contains(vSS, :v)", {":v": {"S": "a"}}, True),
    ("a string set contains no part of a string", "contains(vSS, :v)", {":v": {"S": ""}}, False),
    ("a string set contains no number", "contains(vSS, :v)", {":v": {"N": "1"}}, False),
    ("a number set contains a number", "contains(vNS, :v)", {":v": {"N": "1.0"}}, True),
    ("a number set contains no other", "contains(vNS, :v)", {":v": {"N": "3"}}, False),
    ("a binary set contains a binary", "contains(vBS, :v)", {":v": {"B": "YQ=="}}, True),
    ("a list contains a string", "contains(vL, :v)", {":v": {"S": "a"}}, True),
    ("a list contains a number", "contains(vL, :v)", {":v": {"N": "1.0"}}, True),
    ("a list contains no other type", "contains(vL, :v)", {":v": {"S": "1"}}, False),
    ("a map contains nothing", "contains(vM, :v)", {":v": {"S": "a"}}, False),
    ("a number contains nothing", "contains(vN, :v)", {":v": {"N": "1"}}, False),
    ("what is not there contains nothing", "contains(zz, :v)", {":v": {"S": "a"}}, False),
)
OTHERS: tuple[tuple[str, str, dict[str, Any], bool], ...] = (
    ("what is not there is not equal", "zz = :v", {":v": {"S": "a"}}, False),
    ("what is not there is different", "zz <> :v", {":v": {"S": "a"}}, True),
    ("what is not there is not less", "zz < :v", {":v": {"S": "a"}}, False),
    ("not what is not there", "NOT zz < :v", {":v": {"S": "a"}}, True),
    ("two that are not there are not equal", "zz = yy", {}, False),
    ("sets are equal in any order", "vSS = :v", {":v": {"SS": ["b", "a"]}}, True),
    ("number sets are equal by value", "vNS = :v", {":v": {"NS": ["2.0", "1"]}}, True),
    ("a subset is not equal", "vSS = :v", {":v": {"SS": ["a"]}}, False),
    ("lists are equal in order only", "vL = :v", {":v": {"L": [{"N": "1"}, {"S": "a"}]}}, False),
    ("an empty map is another map", "vM = :v", {":v": {"M": {}}}, False),
    ("between, lower end", "vN BETWEEN :a AND :b", {":a": {"N": "10"}, ":b": {"N": "11"}}, True),
    ("between, upper end", "vN BETWEEN :a AND :b", {":a": {"N": "1"}, ":b": {"N": "10"}}, True),
    ("not between", "vN BETWEEN :a AND :b", {":a": {"N": "11"}, ":b": {"N": "12"}}, False),
    ("between of another type", "vN BETWEEN :a AND :b", {":a": {"S": "1"}, ":b": {"S": "2"}}, False),
    ("in", "vN IN (:a, :b)", {":a": {"S": "10"}, ":b": {"N": "10.0"}}, True),
    ("not in", "vN IN (:a, :b)", {":a": {"S": "10"}, ":b": {"N": "11"}}, False),
    ("a list in", "vL IN (:a)", {":a": {"L": [{"S": "a"}, {"N": "1"}]}}, True),
    ("size of a string", "size(vS) = :v", {":v": {"N": "1"}}, True),
    ("size of a binary", "size(vB) = :v", {":v": {"N": "1"}}, True),
    ("size of a set", "size(vNS) = :v", {":v": {"N": "2"}}, True),
    ("size of a list", "size(vL) > :v", {":v": {"N": "1"}}, True),
    ("size of a map", "size(vM) = :v", {":v": {"N": "1"}}, True),
    ("size of a number", "size(vN) = :v", {":v": {"N": "2"}}, False),
    ("size of what is not there", "size(zz) = :v", {":v": {"N": "0"}}, False),
    ("and binds closer than or", "vN = :x OR vN = :v AND vN = :x", {":v": {"N": "10"}, ":x": {"N": "1"}}, False),
    ("or after and", "vN = :v AND vN = :x OR vN = :v", {":v": {"N": "10"}, ":x": {"N": "1"}}, True),
    ("not binds closest", "NOT vN = :v OR vN = :v", {":v": {"N": "10"}}, True),
    ("parentheses", "NOT (vN = :v OR vN = :x)", {":v": {"N": "10"}, ":x": {"N": "1"}}, False),
    ("keywords in any case", "noT vN = :v oR vN bETWEEN :v aND :v", {":v": {"N": "10"}}, True),
    ("a path into a map", "vM.a = :v", {":v": {"S": "b"}}, True),
    ("a path into a list", "vL[1] = :v", {":v": {"N": "1"}}, True),
    ("a path beyond a list", "attribute_exists(vL[2])", {}, False),
    ("a path into a string", "attribute_exists(vS.a)", {}, False),
    ("two attributes", "vS = vB", {}, False),
)


def _numbers() -> Iterator[Case]:
    """Numbers compare by value, with all their digits."""
    big = "10.000000000000000000000000000000000001"
    yield _case("a number is less than one with a 38th digit", "vN < :v", {":v": {"N": big}}, True)
    yield _case("a number is less than the greatest", "vN < :v", {":v": {"N": "1E125"}}, True)
    yield _case("a number is greater than the least", "vN > :v", {":v": {"N": "-1E125"}}, True)
    yield _case("a number is not compared as text", "vN < :v", {":v": {"N": "9"}}, False)
