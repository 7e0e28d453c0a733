"""The decoder as a whole: it never surprises, never changes its input, and its two ways agree."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extenddb.core.errors import SERIALIZATION, VALIDATION, ServiceError
from extenddb.core.limits import NESTING_DEPTH
from extenddb.core.model import OPERATIONS
from extenddb.core.types.attribute import TOO_DEEP
from extenddb.core.validation.rules import shape
from extenddb.core.wire.checkers import compiled
from extenddb.core.wire.decode import decode, decode_exactly

CASES_DIRECTORY = Path(__file__).parents[1] / "validation" / "cases"
SEEDS = [
    (case["operation"], case["request"])
    for path in sorted(CASES_DIRECTORY.glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=6),
    st.sampled_from(["HASH", "ALL", "abc", "AAAA", "AA==", "AB=="]),
)
names = st.one_of(st.text(max_size=4), st.sampled_from(["S", "N", "B", "SS", "BS", "M", "L", "NULL", "BOOL", "Key"]))
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)


def slots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container inside a JSON value with each of its indexes."""
    if isinstance(value, (dict, list)):
        for index in value if isinstance(value, dict) else range(len(value)):
            yield value, index
            yield from slots(value[index])


@st.composite
def nearly_right(draw: st.DrawFn) -> tuple[str, Any]:
    """A request of the cases with one of its values replaced."""
    operation, seed = draw(st.sampled_from(SEEDS))
    request = copy.deepcopy(seed)
    found = list(slots(request))
    if found:
        holder, index = draw(st.sampled_from(found))
        holder[index] = draw(anything)
    return operation, request


requests = st.one_of(st.tuples(st.sampled_from(sorted(OPERATIONS)), anything), nearly_right())


def outcome(run: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "request", run()
    except ServiceError as error:
        return error.kind.name, error.message


@settings(max_examples=400, deadline=None)
@given(requests)
def test_arbitrary_requests_are_decoded_or_refused_and_stay_as_they_were(given: tuple[str, Any]) -> None:
    operation, payload = given
    before = copy.deepcopy(payload)
    kind, result = outcome(lambda: decode(operation, payload))
    assert payload == before
    assert kind in ("request", SERIALIZATION.name, VALIDATION.name)
    if kind == "request":
        assert outcome(lambda: decode(operation, result)) == ("request", result)


@settings(max_examples=400, deadline=None)
@given(requests)
def test_what_the_fast_check_passes_the_exact_walk_returns_unchanged(given: tuple[str, Any]) -> None:
    operation, payload = given
    input_shape = shape(OPERATIONS[operation].input)
    exactly = outcome(lambda: decode_exactly(input_shape, payload))
    if compiled(input_shape)(payload):
        assert exactly == ("request", payload)
    assert outcome(lambda: decode(operation, payload)) == exactly


@pytest.mark.parametrize(
    "value",
    [
        {"S": ""},
        {"N": "1"},
        {"B": "AAE="},
        {"SS": ["a", "b"]},
        {"NS": ["1"]},
        {"BS": ["AAE=", ""]},
        {"BOOL": False},
        {"NULL": True},
        {"L": [{"S": "a"}, {"L": []}]},
        {"M": {"a": {"M": {"b": {"NS": ["1"]}}}}},
    ],
)
def test_right_requests_are_returned_as_they_are(value: dict[str, Any]) -> None:
    request = {"TableName": "abc", "Item": {"a": value}}
    assert decode("PutItem", request) is request


def test_what_had_to_be_cleaned_shares_nothing_with_the_input() -> None:
    payload = {"TableName": "abc", "Item": {"a": {"L": [{"SS": ["x"]}]}}, "Unknown": 1}
    result = decode("PutItem", payload)
    result["Item"]["a"]["L"][0]["SS"].append("y")
    assert payload == {"TableName": "abc", "Item": {"a": {"L": [{"SS": ["x"]}]}}, "Unknown": 1}


def nested(depth: int, kind: str) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(depth):
        value = {"L": [value]} if kind == "L" else {"M": {"a": value}}
    return value


@pytest.mark.parametrize("kind", ["L", "M"])
def test_values_may_nest_as_deep_as_documented(kind: str) -> None:
    request = {"TableName": "abc", "Item": {"a": nested(NESTING_DEPTH, kind)}}
    assert decode("PutItem", request) is request


@pytest.mark.parametrize("kind", ["L", "M"])
@pytest.mark.parametrize("depth", [NESTING_DEPTH + 1, 400])
def test_deeper_values_are_refused_however_deep(kind: str, depth: int) -> None:
    with pytest.raises(ServiceError, match=TOO_DEEP) as caught:
        decode("PutItem", {"TableName": "abc", "Item": {"a": nested(depth, kind)}})
    assert caught.value.kind is VALIDATION


def test_attribute_names_of_any_length_are_read() -> None:
    request = {"TableName": "abc", "Item": {"a" * 65536: {"S": "x"}}}
    assert decode("PutItem", request) is request


def test_the_text_of_a_serialization_error_stands_in_a_member_with_a_capital() -> None:
    with pytest.raises(ServiceError) as caught:
        decode("GetItem", {"TableName": 1})
    assert caught.value.body() == {
        "__type": "com.amazon.coral.service#SerializationException",
        "Message": "NUMBER_VALUE cannot be converted to String",
    }


def test_a_name_that_is_no_operation_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError):
        decode("NoSuchOperation", {})
