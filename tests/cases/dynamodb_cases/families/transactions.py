"""Transactions: every kind of action by outcome, reasons in order, what no action may be, tokens, capacity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dynamodb_cases.families.faults import FAULTS, VALUES
from dynamodb_cases.model import Case, Failure, case, do, failure, table

OLD: dict[str, Any] = {"p": {"S": "old"}, "n": {"N": "1"}, "t": {"S": "x"}, "m": {"M": {}}, "ss": {"SS": ["a"]}}
SETUP = [
    table("one", "p S"),
    table("two", "p S, s N"),
    table("three", "p S, s S", global_={"gix": "g S"}, local={"lix": "p S, l S"}),
    do("PutItem", {"TableName": "one", "Item": OLD}),
    do("PutItem", {"TableName": "two", "Item": {"p": {"S": "a"}, "s": {"N": "1"}}}),
]
KINDS = ("Put", "Update", "Delete", "ConditionCheck")
FAILED = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
INNOCENT = {"Code": "None"}
TWICE = "Transaction request cannot include multiple operations on one item"
NOT_FOUND = failure("ResourceNotFoundException", "Requested resource not found")
INVALID = "One or more parameter values were invalid: "


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _outcomes()
    yield from _pairs()
    yield from _positions()
    yield from _faults()
    yield from _unused_placeholders()
    for name, update, values, text in UPDATES:
        action = {"TableName": "one", "Key": _p("old"), "UpdateExpression": update}
        if values:
            action["ExpressionAttributeValues"] = values
        yield _write(f"update, {name}", [_innocent("a"), {"Update": action}], canceled(INNOCENT, _invalid(text)))
    for name, actions, expected in (*_wrong(), *_capacity()):
        yield _write(name, actions, expected)
    for name, request, answer in _answers():
        yield case(f"transactions: {name}", SETUP, do("TransactWriteItems", request, answer))
    for name, request, answer in _gets():
        yield case(f"transactions: get, {name}", SETUP, do("TransactGetItems", request, answer))
    yield from _tokens()


def canceled(*reasons: Mapping[str, Any]) -> Failure:
    """Return the expectation of a transaction that was cancelled for these reasons."""
    codes = ", ".join(each["Code"] for each in reasons)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return failure("TransactionCanceledException", text, CancellationReasons=list(reasons))


def _invalid(text: str) -> dict[str, Any]:
    return {"Code": "ValidationError", "Message": text}


def _write(name: str, actions: Sequence[Any], expected: Any) -> Case:
    return case(f"transactions: {name}", SETUP, do("TransactWriteItems", {"TransactItems": actions}, expected))


def _p(value: str) -> dict[str, Any]:
    return {"p": {"S": value}}


def _action(kind: str, key: str, **members: Any) -> dict[str, Any]:
    """Return an action of any kind on an item of table one."""
    body: dict[str, Any] = {"TableName": "one", **({"Item": _p(key)} if kind == "Put" else {"Key": _p(key)})}
    if kind == "Update":
        body["UpdateExpression"] = "SET u = t"
    if kind == "ConditionCheck":
        body["ConditionExpression"] = "attribute_exists(p)"
    return {kind: {**body, **members}}


def _innocent(key: str) -> dict[str, Any]:
    return _action("Delete", key)


def _outcomes() -> Iterator[Case]:
    """A condition that holds and one that does not, for an item that is there and one that is not."""
    for kind in KINDS:
        for key, there in (("old", True), ("none", False)):
            for condition, holds in (("attribute_exists(p)", there), ("attribute_not_exists(p)", not there)):
                for mode in ("ALL_OLD", "NONE", None):
                    members = {"ConditionExpression": condition}
                    if mode is not None:
                        members["ReturnValuesOnConditionCheckFailure"] = mode
                    if kind == "Update":
                        members["UpdateExpression"] = "REMOVE u"
                    reason = {**FAILED, "Item": OLD} if there and mode == "ALL_OLD" else FAILED
                    name = f"{kind} of {key} if {condition}, {mode}"
                    yield _write(name, [_action(kind, key, **members)], {} if holds else canceled(reason))


def _pairs() -> Iterator[Case]:
    """No two actions on one item, whatever their kinds; two on different items are fine."""
    for first in KINDS:
        for second in KINDS:
            name = f"{first} and {second}"
            yield _write(f"{name} of one item", [_action(first, "old"), _action(second, "old")], TWICE)
    numbers = [
        {"Delete": {"TableName": "two", "Key": {"p": {"S": "a"}, "s": {"N": number}}}} for number in ("1", "10e-1")
    ]
    yield _write("one number in two spellings", numbers, TWICE)
    different = [_action("Delete", "old"), {"Delete": {"TableName": "two", "Key": {**_p("old"), "s": {"N": "1"}}}}]
    yield _write("two tables", different, {})


def _positions() -> Iterator[Case]:
    """Reasons stand in the order of the actions."""
    for failing in ((0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)):
        actions = [
            _action("Update", f"k{place}", UpdateExpression="REMOVE u", ConditionExpression="attribute_exists(p)")
            if place in failing
            else _innocent(f"k{place}")
            for place in range(3)
        ]
        reasons = [FAILED if place in failing else INNOCENT for place in range(3)]
        yield _write(f"conditions fail at {failing}", actions, canceled(*reasons))
    mixed = [
        _innocent("a"),
        _action("Update", "old", UpdateExpression="SET m.x.y = t"),
        _action("ConditionCheck", "none"),
    ]
    path = "The document path provided in the update expression is invalid for update"
    yield _write("a bad path and a condition", mixed, canceled(INNOCENT, _invalid(path), FAILED))


def _faults() -> Iterator[Case]:
    """What is wrong with an expression refuses the request as a whole."""
    for kind in KINDS:
        for name, text, problem in FAULTS:
            used = {symbol: value for symbol, value in VALUES.items() if symbol in text}
            members: dict[str, Any] = {"ConditionExpression": text}
            if used:
                members["ExpressionAttributeValues"] = used
            action = _action(kind, "a", **members)
            if kind == "Update":
                action["Update"]["UpdateExpression"] = "REMOVE u"
            yield _write(f"{kind}, {name}", [_innocent("b"), action], f"Invalid ConditionExpression: {problem}")


def _unused_placeholders() -> Iterator[Case]:
    names, values = {"#x": "x"}, {":x": {"S": "x"}}
    unused = "Value provided in ExpressionAttribute{} unused in expressions: keys: {{{}}}"
    for kind in KINDS:
        members = {"ConditionExpression": "attribute_exists(p)"}
        for member, given, text in (
            ("ExpressionAttributeNames", names, unused.format("Names", "#x")),
            ("ExpressionAttributeValues", values, unused.format("Values", ":x")),
        ):
            action = _action(kind, "old", **members, **{member: given})
            yield _write(f"{kind} with {member} not used", [action], text)
    for kind in ("Put", "Delete"):
        yield _write(
            f"{kind} with names and no expression",
            [_action(kind, "old", ExpressionAttributeNames=names)],
            {},
        )
        yield _write(
            f"{kind} with values and no expression",
            [_action(kind, "old", ExpressionAttributeValues=values)],
            {},
        )


OPERAND = "An operand in the update expression has an incorrect data type"
MISSING = "The provided expression refers to an attribute that does not exist in the item"
PATH = "The document path provided in the update expression is invalid for update"
UPDATES: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("a number to a string", "ADD t :v", {":v": {"N": "1"}}, OPERAND),
    ("a set to a number", "ADD n :v", {":v": {"SS": ["a"]}}, OPERAND),
    ("a set of another type", "ADD ss :v", {":v": {"NS": ["1"]}}, OPERAND),
    ("elements of a number", "DELETE n :v", {":v": {"SS": ["a"]}}, OPERAND),
    ("a sum with a string", "SET n = t + :v", {":v": {"N": "1"}}, OPERAND),
    ("a list behind a string", "SET l = list_append(t, :v)", {":v": {"L": []}}, OPERAND),
    ("a sum with nothing", "SET n = zz + :v", {":v": {"N": "1"}}, MISSING),
    ("a copy of nothing", "SET n = zz", {}, MISSING),
    ("a path through nothing", "SET zz.a = :v", {":v": {"S": "x"}}, PATH),
    ("a path through a string", "SET t.a = :v", {":v": {"S": "x"}}, PATH),
    ("an element of a map", "SET m[0] = :v", {":v": {"S": "x"}}, PATH),
    (
        "an item over 400 KB",
        "SET zz = :v",
        {":v": {"S": "x" * (400 * 1024 - 3)}},
        "Item size to update has exceeded the maximum allowed size",
    ),
)


def _wrong() -> Iterator[tuple[str, list[Any], Any]]:
    none = {"Delete": {"TableName": "none", "Key": _p("a")}}
    yield "no such table", [none], NOT_FOUND
    yield "no such table behind a condition that fails", [_action("ConditionCheck", "none"), none], NOT_FOUND
    only_one = "TransactItems can only contain one of Check, Put, Update or Delete"
    for first, second in (("Put", "Delete"), ("Update", "ConditionCheck"), ("Delete", "ConditionCheck")):
        yield f"{first} and {second} in one place", [{**_action(first, "a"), **_action(second, "b")}], only_one
    index = f"{INVALID}Type mismatch for Index Key g Expected: S Actual: N IndexName: gix"
    key = {**_p("a"), "s": {"S": "a"}}
    put = {"Put": {"TableName": "three", "Item": {**key, "g": {"N": "1"}}}}
    update = {
        "Update": {
            "TableName": "three",
            "Key": key,
            "UpdateExpression": "SET g = :v",
            "ExpressionAttributeValues": {":v": {"N": "1"}},
        }
    }
    yield "an index key of another type, put", [_innocent("b"), put], canceled(INNOCENT, _invalid(index))
    yield (
        "an index key of another type, set",
        [update],
        canceled(_invalid("The update expression attempted to update the secondary index key to unsupported type")),
    )
    large = {"Put": {"TableName": "one", "Item": {**_p("a"), "v": {"S": "x" * (400 * 1024)}}}}
    yield "a put over 400 KB", [large], "Item size has exceeded the maximum allowed size"


def _capacity() -> Iterator[tuple[str, list[Any], Any]]:
    hundred = [_innocent(f"k{number}") for number in range(100)]
    yield "a hundred actions", hundred, {}
    checks = [_action("ConditionCheck", f"k{number}") for number in range(99)]
    reasons = [FAILED] * 99
    yield "a hundred reasons", [_innocent("a"), *checks], canceled(INNOCENT, *reasons)


def _answers() -> Iterator[tuple[str, dict[str, Any], Any]]:
    key = {**_p("a"), "s": {"S": "a"}}
    indexed = {"Put": {"TableName": "three", "Item": {**key, "g": {"S": "x"}, "l": {"S": "y"}}}}

    def part(units: float) -> dict[str, Any]:
        return {"CapacityUnits": units, "WriteCapacityUnits": units}

    yield (
        "capacity of indexes",
        {"TransactItems": [indexed, _innocent("a")], "ReturnConsumedCapacity": "INDEXES"},
        {
            "ConsumedCapacity": {
                "$unordered": [
                    {
                        "TableName": "three",
                        **part(6.0),
                        "Table": part(2.0),
                        "LocalSecondaryIndexes": {"lix": part(2.0)},
                        "GlobalSecondaryIndexes": {"gix": part(2.0)},
                    },
                    {"TableName": "one", **part(2.0), "Table": part(2.0)},
                ]
            }
        },
    )
    large = {"Put": {"TableName": "one", "Item": {**_p("a"), "v": {"S": "x" * 2500}}}}
    yield (
        "capacity of a large item",
        {"TransactItems": [large, _action("Update", "old")], "ReturnConsumedCapacity": "TOTAL"},
        {"ConsumedCapacity": [{"TableName": "one", **part(8.0)}]},
    )
    yield "no capacity asked for", {"TransactItems": [large], "ReturnConsumedCapacity": "NONE"}, {}
    yield (
        "sizes of item collections",
        {"TransactItems": [indexed, _innocent("a")], "ReturnItemCollectionMetrics": "SIZE"},
        {
            "ItemCollectionMetrics": {
                "three": [{"ItemCollectionKey": _p("a"), "SizeEstimateRangeGB": [0.0, 1.0]}],
            }
        },
    )


def _get(name: str, key: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {"Get": {"TableName": name, "Key": key, **members}}


def _gets() -> Iterator[tuple[str, dict[str, Any], Any]]:
    two = {"p": {"S": "a"}, "s": {"N": "1"}}
    yield "nothing", {"TransactItems": [_get("one", _p("none"))]}, {"Responses": [{}]}
    yield (
        "two tables",
        {"TransactItems": [_get("two", two), _get("one", _p("old"))]},
        {"Responses": [{"Item": two}, {"Item": OLD}]},
    )
    projections = {"ProjectionExpression": "#n, m.zz", "ExpressionAttributeNames": {"#n": "n"}}
    yield (
        "a projection",
        {"TransactItems": [_get("one", _p("old"), **projections)]},
        {"Responses": [{"Item": {"n": {"N": "1"}}}]},
    )
    yield (
        "a projection of nothing",
        {"TransactItems": [_get("one", _p("old"), ProjectionExpression="zz")]},
        {"Responses": [{}]},
    )
    hundred = [_get("one", _p(str(number))) for number in range(100)]
    yield "a hundred", {"TransactItems": hundred}, {"Responses": [{}] * 100}
    part = {"CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}
    yield (
        "capacity of two tables",
        {"TransactItems": [_get("two", two), _get("one", _p("none"))], "ReturnConsumedCapacity": "INDEXES"},
        {
            "Responses": [{"Item": two}, {}],
            "ConsumedCapacity": {
                "$unordered": [
                    {"TableName": "one", **part, "Table": part},
                    {"TableName": "two", **part, "Table": part},
                ]
            },
        },
    )
    yield "no such table", {"TransactItems": [_get("one", _p("a")), _get("none", _p("a"))]}, NOT_FOUND
    yield "one item twice", {"TransactItems": [_get("two", two), _get("two", {**two, "s": {"N": "1.0"}})]}, TWICE
    yield (
        "names without an expression",
        {"TransactItems": [_get("one", _p("a"), ExpressionAttributeNames={"#x": "x"})]},
        {"Responses": [{}]},
    )
    yield (
        "a name not used",
        {"TransactItems": [_get("one", _p("a"), ProjectionExpression="n", ExpressionAttributeNames={"#x": "x"})]},
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}",
    )
    yield (
        "no number",
        {"TransactItems": [_get("two", {**_p("a"), "s": {"N": "x"}})]},
        "The parameter cannot be converted to a numeric value: x",
    )


def _tokens() -> Iterator[Case]:
    """A request repeated with its token is answered and not carried out again."""
    add = _action("Update", "old", UpdateExpression="ADD n :v", ExpressionAttributeValues={":v": {"N": "1"}})
    request = {"TransactItems": [add, _innocent("a")], "ClientRequestToken": "t1", "ReturnConsumedCapacity": "TOTAL"}
    written = {"TableName": "one", "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}
    read = {"TableName": "one", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}
    item = {"TableName": "one", "Key": _p("old"), "ProjectionExpression": "n"}
    yield case(
        "transactions: a token, again, and another",
        SETUP,
        do("TransactWriteItems", request, {"ConsumedCapacity": [written]}),
        do("TransactWriteItems", request, {"ConsumedCapacity": [read]}),
        do("GetItem", item, {"Item": {"n": {"N": "2"}}}),
        do("TransactWriteItems", {**request, "ClientRequestToken": "t2"}, {"ConsumedCapacity": [written]}),
        do("GetItem", item, {"Item": {"n": {"N": "3"}}}),
        do(
            "TransactWriteItems",
            {**request, "TransactItems": [add]},
            failure("IdempotentParameterMismatchException", None),
        ),
    )
    check = _action("ConditionCheck", "none")
    failing = {"TransactItems": [add, check], "ClientRequestToken": "t1"}
    yield case(
        "transactions: the token of one that was cancelled is free",
        SETUP,
        do("TransactWriteItems", failing, canceled(INNOCENT, FAILED)),
        do("TransactWriteItems", failing, canceled(INNOCENT, FAILED)),
        do("PutItem", {"TableName": "one", "Item": _p("none")}, {}),
        do("TransactWriteItems", failing, {}),
        do("GetItem", item, {"Item": {"n": {"N": "2"}}}),
    )
    yield case(
        "transactions: without a token each is carried out",
        SETUP,
        do("TransactWriteItems", {"TransactItems": [add]}, {}),
        do("TransactWriteItems", {"TransactItems": [add]}, {}),
        do("GetItem", item, {"Item": {"n": {"N": "3"}}}),
    )
    members = {"x": {"N": "1"}, "y": {"M": {"a": {"N": "2"}, "b": {"N": "3"}}}}
    backwards = {"y": {"M": {"b": {"N": "3"}, "a": {"N": "2"}}}, "x": {"N": "1"}}
    yield case(
        "transactions: a token with the members of its items in another order",
        SETUP,
        *(
            do("TransactWriteItems", {"TransactItems": [add, each], "ClientRequestToken": "t3"}, {})
            for each in (
                {"Put": {"TableName": "one", "Item": {**_p("new"), **members}}},
                {"Put": {"Item": {**backwards, **_p("new")}, "TableName": "one"}},
            )
        ),
        do("GetItem", item, {"Item": {"n": {"N": "2"}}}),
    )
