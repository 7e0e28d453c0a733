"""The numbers the service puts on expressions, at the limit and one beyond it."""

from __future__ import annotations

import sys

import pytest

from extenddb.core.errors import ServiceError
from extenddb.core.expressions import Placeholders, bind_condition, bind_key_condition, bind_projection, bind_update
from extenddb.core.expressions.reserved import RESERVED
from extenddb.core.types.attribute import Item

VALUES = {":v": {"N": "1"}}


def matches(text: str) -> bool:
    return bind_condition(text, Placeholders(None, VALUES)).matches({"a": {"N": "1"}})


def error_of_condition(text: str) -> str:
    with pytest.raises(ServiceError) as caught:
        matches(text)
    return caught.value.message


def error_of_update(text: str) -> str:
    with pytest.raises(ServiceError) as caught:
        bind_update(text, Placeholders(None, VALUES)).apply({})
    return caught.value.message


def test_expression_of_4096_bytes_is_the_longest() -> None:
    text = "a = :v"
    assert matches(text + " " * (4096 - len(text)))
    assert error_of_condition(text + " " * (4097 - len(text))) == (
        "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size;"
    )


def test_a_filter_is_told_its_size_which_counts_bytes_not_characters() -> None:
    with pytest.raises(ServiceError) as caught:
        bind_condition("é" * 2049, Placeholders(None, None), member="FilterExpression")
    assert caught.value.message == (
        "Invalid FilterExpression: Expression size has exceeded the maximum allowed size; expression size: 4098"
    )


def test_300_operators_are_the_most() -> None:
    term = "a=:v"
    most = " OR ".join([term] * 150)  # 150 comparisons and 149 connectives
    assert matches(f"NOT {most}")
    assert error_of_condition(f"NOT NOT {most}") == (
        "Invalid ConditionExpression: The expression contains too many operators; operator count: 301"
    )


def test_update_counts_its_functions_and_signs() -> None:
    actions = [f"a{index}=:v+:v" for index in range(301)]
    assert error_of_update(f"SET {','.join(actions)}").endswith("too many operators; operator count: 301")


def test_100_operands_of_in_are_the_most() -> None:
    assert matches(f"a IN ({','.join([':v'] * 100)})")
    assert error_of_condition(f"a IN ({','.join([':v'] * 101)})") == (
        "Invalid ConditionExpression: The IN operator is provided with too many operands; number of operands: 101"
    )


def test_32_levels_of_a_path_are_the_most() -> None:
    assert not matches(".".join(["a"] * 32) + " = :v")
    assert error_of_condition(".".join(["a"] * 33) + " = :v") == (
        "Invalid ConditionExpression: The document path has too many nesting elements; nesting levels: 33"
    )


def test_parentheses_nest_as_deep_as_query_builders_write_them() -> None:
    depth = 140
    text = "(" * depth + "a=:v" + " AND a=:v)" * depth
    assert len(text) < 4096
    assert matches(text)


@pytest.mark.parametrize("opening", ["(", "NOT ", "NOT(", "a AND (", "f(", "size(", "a IN ((", "a[", "a."])
@pytest.mark.parametrize("start", ["", "SET a = ", "a = "])
def test_no_text_exhausts_the_interpreter(opening: str, start: str) -> None:
    text = start + opening * ((4096 - len(start)) // len(opening))
    for bind in (bind_condition, bind_update, bind_projection, bind_key_condition):
        with pytest.raises(ServiceError):
            bind(text, Placeholders(None, VALUES))


@pytest.mark.parametrize("name", ["if_not_exists(b, ", "list_append(:l, "])
def test_functions_nest_to_64_levels(name: str) -> None:
    text = "SET a = " + name * 64 + ":l" + ")" * 64
    values = {":l": {"L": [{"N": "1"}]}}
    copies = 65 if name.startswith("list") else 1
    assert bind_update(text, Placeholders(None, values)).apply({}) == {"a": {"L": [{"N": "1"}] * copies}}


def test_deep_negation_is_evaluated_within_pythons_own_limit() -> None:
    text = "NOT " * 299 + "a=:v"
    assert sys.getrecursionlimit() <= 1000
    assert not matches(text)


def test_value_that_would_nest_too_deep_is_refused() -> None:
    item: Item = {"a": {"M": {"b": {"M": {}}}}}
    value: dict[str, object] = {"N": "1"}
    for _ in range(30):
        value = {"L": [value]}
    update = bind_update("SET a.b.c = :deep", Placeholders(None, {":deep": value}))
    with pytest.raises(ServiceError, match="Nesting Levels have exceeded supported limits"):
        update.apply(item)
    assert bind_update("SET a.b = :deep", Placeholders(None, {":deep": value})).apply(item)


def test_reserved_words_are_those_of_the_guide() -> None:
    assert len(RESERVED) == 573
    assert {"ABORT", "NAME", "STATUS", "TTL", "LOGED", "ZONE"} <= RESERVED


@pytest.mark.parametrize("member", ["FilterExpression", "ConditionExpression", "SearchConditionExpression"])
def test_errors_name_the_member(member: str) -> None:
    with pytest.raises(ServiceError) as caught:
        bind_condition("a", Placeholders(None, VALUES), member=member)
    assert caught.value.message == f'Invalid {member}: Syntax error; token: "<EOF>", near: "a"'


def test_what_expressions_read_and_write_is_known() -> None:
    placeholders = Placeholders({"#n": "name"}, VALUES)
    condition = bind_condition("#n.x = :v AND size(b[0]) > :v", placeholders)
    assert condition.paths() == (("name", "x"), ("b", 0))
    assert condition.top_level_names == {"name", "b"}
    projection = bind_projection("#n, b.c", placeholders)
    assert projection.paths == (("name",), ("b", "c"))
    assert projection.top_level_names == {"name", "b"}
    update = bind_update("SET #n = b REMOVE c.d", placeholders)
    assert update.paths == (("name",), ("c", "d"))
    assert update.top_level_names == {"name", "c"}
    placeholders.check_unused()
