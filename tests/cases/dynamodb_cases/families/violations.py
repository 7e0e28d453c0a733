"""Broken constraints of the published model at every member of the data plane, one at a time and several at once.

What the model says is read from botocore; the sentences, the texts of enumerations and the order of several violations
are written down here a second time, so that they do not rest on the server's own tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from dynamodb_cases.model import Case, case, do
from dynamodb_cases.published import DATA_PLANE, Place, input_of, part_of, places, sample, shape_of

ENUMS: Mapping[str, str] = {
    "AttributeAction": "ADD, DELETE, PUT",
    "ComparisonOperator": "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS",
    "ConditionalOperator": "OR, AND",
    "ReturnConsumedCapacity": "INDEXES, TOTAL, NONE",
    "ReturnItemCollectionMetrics": "SIZE, NONE",
    "ReturnValue": "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD, NONE",
    "Select": "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES",
}
"""Legal values as public error texts list them."""
OWN_WORDS = frozenset(("BatchWriteItemRequestMap",))
"""Shapes whose emptiness is told in words of the operation's own."""
BARE: Mapping[tuple[str, str], str] = {
    ("Query", "limit"): "Limit",
    ("BatchGetItem", "requestItems"): "RequestItems",
    ("BatchGetItem", "requestItems.abc.member.keys"): "RequestItems.abc.member.Keys",
}
"""What bounds of these members are told at, and without the value."""
Flaw = tuple[str, Any, str]
"""Name, value, and the sentence about it."""


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for operation in DATA_PLANE:
        found = list(places(operation))
        for place in found:
            for name, value, sentence in (*_flaws(place), *_missing(place)):
                yield _case(f"{operation}, {place.name}, {name}", operation, place.request(value), [sentence])
        yield from _together(operation, [place for place in found if len(place.steps) == 1])


def _case(name: str, operation: str, request: Mapping[str, Any], sentences: list[str]) -> Case:
    plural = "" if len(sentences) == 1 else "s"
    text = f"{len(sentences)} validation error{plural} detected: {'; '.join(sentences)}"
    return case(f"violations: {name}", (), do(operation, request, text))


def _sentence(path: str, value: Any, constraint: str) -> str:
    text = "null" if value is None else f"'{value}'"
    return f"Value {text} at '{path}' failed to satisfy constraint: {constraint}"


def _bound(place: Place, value: Any, constraint: str) -> str:
    where = (place.operation, place.path)
    if where in BARE:
        return f"Value at '{BARE[where]}' failed to satisfy constraint: {constraint}"
    return _sentence(place.path, value, constraint)


def _missing(place: Place) -> Iterator[Flaw]:
    """Required members that are null; so are elements of lists and maps, attribute values apart."""
    holder = shape_of(input_of(place.operation))
    for step in place.steps[:-1]:
        holder = shape_of(part_of(holder, step))
    if place.under_list:
        if place.shape != "AttributeValue":
            yield "null", None, _sentence(place.path, None, "Member must not be null")
    elif place.steps[-1] in holder.get("required", ()):
        yield "missing", None, _sentence(place.path, None, "Member must not be null")


def _flaws(place: Place) -> Iterator[Flaw]:
    """Values that break one constraint of the place's own shape, where their Java text is plain."""
    row = shape_of(place.shape)
    if row["type"] == "string" and not place.under_list:
        yield from _string_flaws(place, row)
    elif row["type"] == "integer":
        yield from _number_flaws(place, row)
    elif row.get("min", 0) > 0 and not place.under_list and place.shape not in OWN_WORDS:
        empty: Any = [] if row["type"] == "list" else {}
        constraint = f"Member must have length greater than or equal to {row['min']}"
        yield "empty", empty, _bound(place, "[]" if empty == [] else "{}", constraint)


def _string_flaws(place: Place, row: Mapping[str, Any]) -> Iterator[Flaw]:
    if "enum" in row:
        for wrong in ("", "x", row["enum"][0].lower()):
            constraint = f"Member must satisfy enum value set: [{ENUMS[place.shape]}]"
            yield f"'{wrong}'", wrong, _sentence(place.path, wrong, constraint)
        return
    if "max" in row:
        long = "a" * (row["max"] + 1)
        constraint = f"Member must have length less than or equal to {row['max']}"
        yield f"{row['max'] + 1} characters", long, _sentence(place.path, long, constraint)
    if row.get("min", 0) > 0 and "pattern" not in row:
        constraint = f"Member must have length greater than or equal to {row['min']}"
        yield "no characters", "", _sentence(place.path, "", constraint)


def _number_flaws(place: Place, row: Mapping[str, Any]) -> Iterator[Flaw]:
    if "min" in row:
        constraint = f"Member must have value greater than or equal to {row['min']}"
        for low in (row["min"] - 1, -(2**31)):
            yield str(low), low, _bound(place, low, constraint)
    if "max" in row:
        high = row["max"] + 1
        constraint = f"Member must have value less than or equal to {row['max']}"
        yield str(high), high, _bound(place, high, constraint)


def _together(operation: str, found: list[Place]) -> Iterator[Case]:
    """Two violations at once, and all: reported in the order of a Java hash map over the members' names."""
    flawed: dict[str, Flaw] = {}
    for place in found:
        flaws = [*_missing(place), *_flaws(place)]
        if flaws:
            flawed[place.name] = flaws[-1]
    order = java_order([place.name for place in found])
    for names in dict.fromkeys([*combinations(flawed, 2), *combinations(flawed, 3), tuple(flawed)]):
        in_order = sorted(names, key=order.__getitem__)
        if len(names) < 2 or len({order[name] for name in names}) < len(names):
            continue
        # What is required is there unless it is one of the names: its absence is one violation of its own.
        request: dict[str, Any] = sample(input_of(operation))
        request.update({name: flawed[name][1] for name in names})
        text = ", ".join(names) if len(names) <= 3 else "all members"
        yield _case(f"{operation}, {text} together", operation, request, [flawed[name][2] for name in in_order])


def java_order(members: list[str]) -> dict[str, int]:
    """Return each member's bucket in a hash map of Java 6; members of one bucket have no order that is known."""
    size = 16
    while len(members) > size * 3 // 4:
        size *= 2
    return {member: _java_hash(member[0].lower() + member[1:]) & (size - 1) for member in members}


def _java_hash(name: str) -> int:
    code = 0
    for letter in name:
        code = (code * 31 + ord(letter)) % 2**32
    code ^= (code >> 20) ^ (code >> 12)
    return code ^ (code >> 7) ^ (code >> 4)
