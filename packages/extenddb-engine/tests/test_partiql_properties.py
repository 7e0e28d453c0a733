"""Whatever a WHERE clause says, keys and ranges find what looking at every item finds; no text breaks the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extenddb.core.errors import ServiceError
from extenddb.core.expressions.condition import condition_of
from extenddb.core.partiql import Select, Values, parse
from extenddb.engine.context import Caller
from extenddb.engine.engine import Engine
from extenddb.engine.partiql.resume import Resume, to_token
from extenddb.storage.memory import MemoryBackend

_ITEMS: list[dict[str, Any]] = [
    {"p": {"S": partition}, "s": {"N": str(sort)}, "v": {"N": str(sort % 3)}, "w": {"S": partition * 2}}
    for partition in "abc"
    for sort in range(5)
]
_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class _Service:
    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._engine = Engine(MemoryBackend())

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        answer = self._runner.run(self._engine.execute(operation, Caller(), request))
        plain: dict[str, Any] = orjson.loads(orjson.dumps(answer))
        return plain

    def pages(self, statement: str, limit: int | None) -> list[dict[str, Any]]:
        request: dict[str, Any] = {"Statement": statement} | ({} if limit is None else {"Limit": limit})
        found: list[dict[str, Any]] = []
        for _ in range(200):
            answer = self.call("ExecuteStatement", **request)
            found.extend(answer["Items"])
            if "NextToken" not in answer:
                return found
            request["NextToken"] = answer["NextToken"]
        raise AssertionError("the pages do not end")

    def close(self) -> None:
        self._runner.run(self._engine.close())


@pytest.fixture(scope="module")
def service() -> Iterator[_Service]:
    with asyncio.Runner() as runner:
        service = _Service(runner)
        for table in ("table", "scratch"):
            service.call(
                "CreateTable",
                TableName=table,
                KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": kind}
                    for name, kind in (("p", "S"), ("s", "N"), ("v", "N"))
                ],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "index",
                        "KeySchema": [
                            {"AttributeName": "v", "KeyType": "HASH"},
                            {"AttributeName": "s", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        for item in _ITEMS:
            service.call("PutItem", TableName="table", Item=item)
        yield service
        service.close()


_PARTITION = st.sampled_from(["'a'", "'b'", "'c'", "'d'"])
_NUMBER = st.integers(-1, 5).map(str)
_PREDICATES = st.one_of(
    st.builds("p = {}".format, _PARTITION),
    st.builds("{} = p".format, _PARTITION),
    st.builds("p IN [{}, {}]".format, _PARTITION, _PARTITION),
    st.builds("p {} {}".format, st.sampled_from(["<>", "<", ">="]), _PARTITION),
    st.builds("s {} {}".format, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), _NUMBER),
    st.builds("{} > s".format, _NUMBER),
    st.builds("s IN [{}, {}]".format, _NUMBER, _NUMBER),
    st.builds("s BETWEEN {} AND 4".format, st.integers(0, 4)),
    st.builds("v {} {}".format, st.sampled_from(["=", "<", ">"]), _NUMBER),
    st.builds("v IN [{}, {}]".format, _NUMBER, _NUMBER),
    st.just("begins_with(w, 'a')"),
    st.just("w IS MISSING"),
)
_CONDITIONS = st.recursive(
    _PREDICATES,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=5,
)


def _matching(statement: str) -> list[dict[str, Any]]:
    """Return what the statement's clause is true for, by looking at every item."""
    parsed = parse(statement)
    assert isinstance(parsed.statement, Select)
    assert parsed.statement.where is not None
    condition = condition_of(parsed.statement.where, Values(parsed, None))
    return [item for item in _ITEMS if condition.matches(item)]


def _sorted(items: list[dict[str, Any]]) -> list[Any]:
    return sorted((item["p"]["S"], int(item["s"]["N"])) for item in items)


@given(condition=_CONDITIONS, index=st.booleans(), limit=st.sampled_from([None, 1, 2, 7]))
@_SETTINGS
def test_access_by_keys_finds_what_a_look_at_every_item_finds(
    service: _Service, condition: str, index: bool, limit: int | None
) -> None:
    source = '"table"."index"' if index else '"table"'
    statement = f"SELECT * FROM {source} WHERE {condition}"
    assert _sorted(service.pages(statement, limit)) == _sorted(_matching(statement))


@given(
    partitions=st.lists(_PARTITION, min_size=1, max_size=4),
    condition=_PREDICATES,
    limit=st.sampled_from([None, 1, 2, 3]),
    descending=st.booleans(),
)
@_SETTINGS
def test_order_by_sort_key_holds_for_several_partitions(
    service: _Service, partitions: list[str], condition: str, limit: int | None, descending: bool
) -> None:
    clause = f"p IN [{', '.join(partitions)}] AND {condition}"
    statement = f'SELECT * FROM "table" WHERE {clause} ORDER BY s{" DESC" if descending else ""}'
    found = service.pages(statement, limit)
    assert _sorted(found) == _sorted(_matching(statement))
    numbers = [int(item["s"]["N"]) for item in found]
    assert numbers == sorted(numbers, reverse=descending)


_WORDS = st.sampled_from(
    [
        *("SELECT", "*", "FROM", '"scratch"', '."index"', "WHERE", "ORDER BY", "INSERT INTO", "VALUE", "UPDATE", "SET"),
        *("REMOVE", "DELETE FROM", "RETURNING", "ALL OLD *", "MODIFIED NEW *", "EXISTS(", "AND", "OR", "NOT", "IN"),
        *("BETWEEN", "IS MISSING", "IS NOT NULL", "p", "s", "v", "w.x[1]", "'a'", "'b'", "1", "-2.5", "?", "NULL"),
        *("TRUE", "[1, 2]", "<<1>>", "<<'a', 1>>", "{'p': 'a', 's': 1}", "=", "<>", "<", "+", "-", ",", "(", ")", ";"),
        *("size(v)", "begins_with(", "contains(", "set_add(", "list_append(", "\u00e9", "'", '"'),
    ]
)
_SCRATCH = {
    "p": {"S": "zzz"},
    "s": {"N": "1"},
    "v": {"N": "1"},
    "q": {"SS": ["a"]},
    "w": {"M": {"x": {"L": [{"N": "1"}, {"S": "b"}]}}},
}
_TEMPLATES = st.sampled_from(
    [
        'SELECT * FROM "scratch" WHERE {}',
        'SELECT {} FROM "scratch"',
        'SELECT * FROM "scratch" WHERE p = {} AND s = 1',
        "SELECT * FROM \"table\" WHERE p = 'x' AND {}",
        "INSERT INTO \"table\" VALUE {{'p': 'zzz', 's': {}}}",
        "UPDATE \"table\" SET {} WHERE p = 'zzz' AND s = 1",
        "UPDATE \"table\" SET q = {} WHERE p = 'zzz' AND s = 1",
        "UPDATE \"table\" REMOVE {} WHERE p = 'zzz' AND s = 1",
        "DELETE FROM \"table\" WHERE p = 'zzz' AND s = 1 AND {}",
        "{}",
    ]
)
_VALUES = st.sampled_from(
    [{"S": "zzz"}, {"N": "1"}, {"NULL": True}, {"L": []}, {"SS": []}, {}, {"S": "x", "N": "1"}, {"N": "x"}, {"M": {}}]
)


@given(
    template=_TEMPLATES,
    words=st.lists(_WORDS, min_size=1, max_size=8),
    parameters=st.lists(_VALUES, max_size=2),
    operation=st.sampled_from(["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"]),
    limit=st.integers(1, 3),
)
@settings(_SETTINGS, max_examples=400)
def test_no_text_breaks_the_engine(
    service: _Service, template: str, words: list[str], parameters: list[Any], operation: str, limit: int
) -> None:
    member: dict[str, Any] = {"Statement": template.format(" ".join(words))}
    if parameters:
        member["Parameters"] = parameters
    request: dict[str, Any] = {**member, "Limit": limit}
    service.call("PutItem", TableName="scratch", Item=_SCRATCH)
    if operation != "ExecuteStatement":
        request = {"Statements" if operation == "BatchExecuteStatement" else "TransactStatements": [member]}
    try:
        answer = service.call(operation, **request)
    except ServiceError as error:
        assert error.kind.fault == "client"  # noqa: PT017  (a look at whichever error came, not an expected one)
    else:
        assert answer.keys() <= {"Items", "Responses", "NextToken", "LastEvaluatedKey"}


_AFTER = st.one_of(
    st.none(),
    st.integers(-9, 9),
    st.dictionaries(
        st.sampled_from(["p", "s"]),
        st.one_of(st.integers(0, 9), st.sampled_from([{}, {"S": "a"}, {"N": "2"}, {"N": "x"}])),
    ),
)


@given(data=st.binary(max_size=60), number=st.one_of(st.integers(-2, 5), st.just("1")), after=_AFTER)
@_SETTINGS
def test_no_token_breaks_the_engine(service: _Service, data: bytes, number: Any, after: Any) -> None:
    request = {"Statement": "SELECT * FROM \"table\" WHERE p IN ['a', 'b'] AND s > 1"}
    for token in (to_token(Resume(number=number, after=after), request), data.hex() or "00"):
        try:
            answer = service.call("ExecuteStatement", **request, NextToken=token)
        except ServiceError as error:
            assert error.kind.fault == "client"  # noqa: PT017  (as above)
        else:
            assert "Items" in answer
