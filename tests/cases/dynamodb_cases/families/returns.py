"""What UpdateItem returns: every mode, for an item that is there and one that is not, and every kind of update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynamodb_cases.model import Case, case, do, table

TABLE = "returns"
OLD: dict[str, Any] = {
    "p": {"S": "a"},
    "n": {"N": "1"},
    "s": {"SS": ["a", "b"]},
    "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}},
    "l": {"L": [{"N": "0"}, {"N": "1"}]},
}
SETUP = [table(TABLE, "p S"), do("PutItem", {"TableName": TABLE, "Item": OLD})]
KEY = {"p": {"S": "a"}}
MISSING = {"p": {"S": "none"}}
Update = tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]
"""Name, expression, values, then what changes: attributes after (None where gone), UPDATED_OLD and UPDATED_NEW."""

ON_FOUND: tuple[Update, ...] = (
    ("set", "SET n = :v", {":v": {"S": "x"}}, {"n": {"S": "x"}}, {"n": {"N": "1"}}, {"n": {"S": "x"}}),
    ("set of the same value", "SET n = :v", {":v": {"N": "1"}}, {}, {"n": {"N": "1"}}, {"n": {"N": "1"}}),
    ("set of a new attribute", "SET z = :v", {":v": {"S": "x"}}, {"z": {"S": "x"}}, {}, {"z": {"S": "x"}}),
    (
        "set of a member",
        "SET m.x = :v",
        {":v": {"N": "9"}},
        {"m": {"M": {"x": {"N": "9"}, "y": {"N": "2"}}}},
        {"m": {"M": {"x": {"N": "1"}}}},
        {"m": {"M": {"x": {"N": "9"}}}},
    ),
    (
        "set of a new member",
        "SET m.z = :v",
        {":v": {"N": "9"}},
        {"m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}, "z": {"N": "9"}}}},
        {},
        {"m": {"M": {"z": {"N": "9"}}}},
    ),
    (
        "set of an element",
        "SET l[1] = :v",
        {":v": {"N": "9"}},
        {"l": {"L": [{"N": "0"}, {"N": "9"}]}},
        {"l": {"L": [{"N": "1"}]}},
        {"l": {"L": [{"N": "9"}]}},
    ),
    ("remove", "REMOVE n", {}, {"n": None}, {"n": {"N": "1"}}, {}),
    ("remove of nothing", "REMOVE z", {}, {}, {}, {}),
    ("add", "ADD n :v", {":v": {"N": "2"}}, {"n": {"N": "3"}}, {"n": {"N": "1"}}, {"n": {"N": "3"}}),
    ("add of nothing", "ADD n :v", {":v": {"N": "0"}}, {}, {"n": {"N": "1"}}, {"n": {"N": "1"}}),
    (
        "add to a set",
        "ADD s :v",
        {":v": {"SS": ["c"]}},
        {"s": {"SS": ["a", "b", "c"]}},
        {"s": {"SS": ["a", "b"]}},
        {"s": {"SS": ["a", "b", "c"]}},
    ),
    (
        "delete from a set",
        "DELETE s :v",
        {":v": {"SS": ["a"]}},
        {"s": {"SS": ["b"]}},
        {"s": {"SS": ["a", "b"]}},
        {"s": {"SS": ["b"]}},
    ),
    (
        "delete of a set",
        "DELETE s :v",
        {":v": {"SS": ["a", "b"]}},
        {"s": None},
        {"s": {"SS": ["a", "b"]}},
        {},
    ),
    (
        "several sections",
        "SET z = n REMOVE l ADD n :v",
        {":v": {"N": "2"}},
        {"z": {"N": "1"}, "l": None, "n": {"N": "3"}},
        {"l": OLD["l"], "n": {"N": "1"}},
        {"z": {"N": "1"}, "n": {"N": "3"}},
    ),
)
ON_MISSING: tuple[Update, ...] = (
    ("set", "SET n = :v", {":v": {"S": "x"}}, {"n": {"S": "x"}}, {}, {"n": {"S": "x"}}),
    ("remove", "REMOVE n", {}, {}, {}, {}),
    ("add", "ADD n :v", {":v": {"N": "2"}}, {"n": {"N": "2"}}, {}, {"n": {"N": "2"}}),
    ("add to a set", "ADD s :v", {":v": {"SS": ["c"]}}, {"s": {"SS": ["c"]}}, {}, {"s": {"SS": ["c"]}}),
    ("delete from a set", "DELETE s :v", {":v": {"SS": ["a"]}}, {}, {}, {}),
    ("set by default", "SET n = if_not_exists(n, :v)", {":v": {"N": "0"}}, {"n": {"N": "0"}}, {}, {"n": {"N": "0"}}),
)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    for update in ON_FOUND:
        yield from _modes("found", KEY, OLD, update)
    for update in ON_MISSING:
        yield from _modes("missing", MISSING, None, update)
    for mode in ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"):
        for where, key, old in (("found", KEY, OLD), ("missing", MISSING, None)):
            attributes = (old or key) if mode == "ALL_NEW" else old if mode == "ALL_OLD" else None
            answer = {} if attributes is None else {"Attributes": attributes}
            step = do("UpdateItem", {"TableName": TABLE, "Key": key, "ReturnValues": mode}, answer)
            yield case(f"returns: nothing to do, {where}, {mode}", SETUP, step)


def _modes(where: str, key: dict[str, Any], old: dict[str, Any] | None, update: Update) -> Iterator[Case]:
    name, expression, values, changes, updated_old, updated_new = update
    merged = {**(old or key), **changes}
    made = old is not None or bool(changes)  # what only takes away makes no item
    new = {attribute: value for attribute, value in merged.items() if value is not None}
    attributes = {
        None: {},
        "NONE": {},
        "ALL_OLD": old or {},
        "ALL_NEW": new if made else {},
        "UPDATED_OLD": updated_old,
        "UPDATED_NEW": updated_new,
    }
    for mode, expected in attributes.items():
        request: dict[str, Any] = {"TableName": TABLE, "Key": key, "UpdateExpression": expression}
        if values:
            request["ExpressionAttributeValues"] = values
        if mode is not None:
            request["ReturnValues"] = mode
        answer = {"Attributes": expected} if expected else {}
        read = do("GetItem", {"TableName": TABLE, "Key": key}, {"Item": new} if made else {})
        yield case(f"returns: {name}, {where}, {mode}", SETUP, do("UpdateItem", request, answer), read)
