"""Statements as files: what they print as, and where and why malformed ones fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from extenddb.core.errors import ServiceError
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql import Malformed, Values, parse, to_text
from extenddb.core.types.attribute import normalize_item

_HERE = Path(__file__).parent


def _cases(name: str) -> list[tuple[str, str]]:
    blocks = (_HERE / name).read_text().split("\n\n")[1:]
    split = [block.strip("\n").rpartition("\n") for block in blocks]
    return [(statement, result) for statement, _, result in split]


@pytest.mark.parametrize(("statement", "printed"), _cases("statements.txt"))
def test_statement_prints(statement: str, printed: str) -> None:
    expected = statement if printed == "=" else printed
    parsed = parse(statement)
    assert to_text(parsed) == expected
    assert parse(expected) == parsed


@pytest.mark.parametrize(("statement", "failure"), _cases("malformed.txt"))
def test_malformed_statement(statement: str, failure: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(statement)
    error = caught.value
    text = error.token.text or error.token.kind
    assert f"{error.place.line} {error.place.column} {error.detail} | {text}" == failure
    assert error.as_error().message == f"Statement wasn't well formed, can't be processed: {error.detail}"


def test_error_position_counts_lines() -> None:
    with pytest.raises(Malformed) as caught:
        parse("SELECT *\nFROM t\n  WHERE !")
    assert (caught.value.place.line, caught.value.place.column) == (3, 9)


def _refusal(statement: str) -> str:
    """Return what a well formed statement is told that is not supported; empty for one that is."""
    try:
        return parse(statement).refusal or ""
    except Problem as problem:
        return problem.as_statement_error().message


@pytest.mark.parametrize(("statement", "problem"), _cases("refused.txt"))
def test_what_the_language_has_and_the_service_does_not(statement: str, problem: str) -> None:
    assert _refusal(statement) == problem


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            f"SELECT * FROM t WHERE a IN [{', '.join('1' * 101)}]",
            "The IN operator is provided with too many operands; number of operands: 101",
        ),
        (
            f"SELECT * FROM t WHERE {'NOT ' * 301}a = 1",
            "The expression contains too many operators; operator count: 301",
        ),
        (
            f"SELECT {'.'.join('a' * 33)} FROM t",
            "The document path has too many nesting elements; nesting levels: 33",
        ),
        ("SELECT a[10000000000] FROM t", "List index is not within the allowable range; index: [10000000000]"),
        (f"INSERT INTO t VALUE {{'a': {'[' * 40}{']' * 40}}}", "Nesting Levels have exceeded supported limits"),
        ("FROM " * 1600, "Unsupported operation: FROM"),
    ],
)
def test_limits(statement: str, problem: str) -> None:
    assert _refusal(statement).startswith(problem)


def test_a_malformed_text_is_told_so_before_what_is_not_supported() -> None:
    with pytest.raises(Malformed):
        parse("SELECT DISTINCT a AS b FROM t x LIMIT 5 6")


def test_either_of_two_parentheses_around_what_in_lists() -> None:
    for text in ("(1, 2)", "[1, 2]", "((1), (2))"):
        assert to_text(parse(f"SELECT * FROM t WHERE a IN {text}")) == 'SELECT * FROM "t" WHERE "a" IN [1, 2]'


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("BOOLEAN", "attribute_type(\"a\", 'BOOL')"),
        ("string", "attribute_type(\"a\", 'S')"),
        ("STRUCT", "attribute_type(\"a\", 'M')"),
        ("BAG", " OR ".join(f"attribute_type(\"a\", '{kind}')" for kind in ("SS", "NS", "BS"))),
    ],
)
def test_is_with_a_type(name: str, test: str) -> None:
    assert to_text(parse(f"SELECT * FROM t WHERE a IS {name}")) == f'SELECT * FROM "t" WHERE {test}'


def test_parentheses_may_nest_deeper_than_the_interpreter() -> None:
    depth = 3000
    parsed = parse(f"SELECT * FROM t WHERE {'(' * depth}a = 1{')' * depth}")
    assert to_text(parsed) == 'SELECT * FROM "t" WHERE "a" = 1'


def test_values_are_normal_and_parameters_stand_in_their_places() -> None:
    parsed = parse("INSERT INTO t VALUE {'a': ?, 'b': [1.0, ?], 'c': <<2, ?>>, 'd': TRUE}")
    values = Values(parsed, [{"S": "x"}, {"B": "eA=="}, {"N": "03"}])
    assert normalize_item(values.item(":0")) == {
        "a": {"S": "x"},
        "b": {"L": [{"N": "1"}, {"B": "eA=="}]},
        "c": {"NS": ["2", "3"]},
        "d": {"BOOL": True},
    }


@pytest.mark.parametrize("parameters", [None, [], [{"S": "a"}, {"S": "b"}]])
def test_number_of_parameters(parameters: list[dict[str, str]] | None) -> None:
    with pytest.raises(ServiceError) as caught:
        Values(parse("SELECT * FROM t WHERE a = ?"), parameters)
    assert caught.value.message == "Number of parameters in request and statement don't match."


@pytest.mark.parametrize("literal", ["<<>>", "<<1, 'a'>>", "<<[1]>>", "<<1, 1>>", "<<NULL>>", "1e200", "{'a': 1e-200}"])
def test_literals_that_are_no_values(literal: str) -> None:
    values = Values(parse(f"SELECT * FROM t WHERE a = {literal}"), None)
    with pytest.raises(ServiceError) as caught:
        values.value(":0")
    assert caught.value.kind.name == "ValidationException"


@pytest.mark.parametrize("parameter", [{}, {"S": "a", "N": "1"}])
def test_set_of_values_without_one_type(parameter: dict[str, str]) -> None:
    values = Values(parse("SELECT * FROM t WHERE a = <<'x', ?>>"), [parameter])
    with pytest.raises(ServiceError):
        values.value(":0")


def test_only_a_map_can_be_inserted() -> None:
    with pytest.raises(ServiceError) as caught:
        Values(parse("INSERT INTO t VALUE ?"), [{"S": "x"}]).item(":0")
    assert caught.value.message == "The value to insert must be a map"
