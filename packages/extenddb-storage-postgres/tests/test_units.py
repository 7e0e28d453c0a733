"""The pieces that need no server, and the packed formats against a real one."""

from __future__ import annotations

import re

import psycopg
import pytest

from extenddb.core.types.keys import Key, digest
from extenddb.storage import errors as contract
from extenddb.storage.model import Change, Decision, Delete, Entry, IndexChange, Keep, Mutation, Put, Reject, Row, Space
from extenddb.storage_postgres import arrays, errors
from extenddb.storage_postgres.config import parse
from extenddb.storage_postgres.plan import Plan

SPACE = Space(id="t", indexes=("a",))
WRITE = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "?\w+"?')
KEY = Key(digest(b"k"), b"s")


class _Found(dict[Space, dict[Key, Row]]):
    def __missing__(self, space: Space) -> dict[Key, Row]:
        return {}


def sql(plan: Plan, *, hold: bool = False) -> list[str]:
    found = (WRITE.match(call.statement.sql.decode()) for call in plan.calls(hold=hold))
    return [match.group() for match in found if match is not None]


def planned(*mutations: Mutation, found: Row | None = None) -> Plan:
    plan = Plan()
    plan.decide(mutations, _Found() if found is None else _Found({SPACE: {found.key: found}}))
    return plan


PUT = Mutation(SPACE, KEY, lambda old: Put(b"1", 1))
DELETE = Mutation(SPACE, KEY, lambda old: Delete())
KEEP = Mutation(SPACE, KEY, lambda old: Keep())
FOUND = Row(KEY, b"0", 1, 41)


@pytest.mark.parametrize(
    ("mutations", "found", "hold", "expected"),
    [
        ((PUT, PUT, PUT), None, False, ['INSERT INTO "i_t_1"']),
        ((PUT, PUT), FOUND, False, ['UPDATE "i_t_1"']),
        ((PUT, DELETE), None, False, []),
        ((PUT, DELETE), FOUND, False, ['DELETE FROM "i_t_1"']),
        ((DELETE, PUT), FOUND, False, ['UPDATE "i_t_1"']),
        ((KEEP,), None, False, []),
        ((KEEP,), None, True, ['INSERT INTO "i_t_1"', 'DELETE FROM "i_t_1"']),
        ((KEEP,), FOUND, True, []),
    ],
)
def test_a_keys_mutations_are_written_once(
    mutations: tuple[Mutation, ...], found: Row | None, *, hold: bool, expected: list[str]
) -> None:
    assert sql(planned(*mutations, found=found), hold=hold) == expected


def test_each_decision_sees_the_one_before_and_versions_grow() -> None:
    seen: list[Row | None] = []

    def decide(old: Row | None) -> Decision:
        seen.append(old)
        return Put(b"x", 1)

    look = Mutation(SPACE, KEY, decide)
    planned(look, DELETE, look, look, found=FOUND)
    versions = [None if row is None else row.version for row in seen]
    assert versions == [41, None, 43]


def test_entries_that_come_and_go_in_a_batch_leave_nothing_to_add() -> None:
    entry = Entry(Key(digest(b"i"), b""))
    come = Mutation(SPACE, KEY, lambda old: Put(b"1", 1, (IndexChange("a", None, entry),)))
    go = Mutation(SPACE, KEY, lambda old: Put(b"1", 1, (IndexChange("a", entry, None),)))
    assert sql(planned(come, go)) == ['INSERT INTO "i_t_1"', 'DELETE FROM "x_t_a"']
    assert sql(planned(go, come)) == ['INSERT INTO "i_t_1"', 'INSERT INTO "x_t_a"']


def test_changes_keep_their_order() -> None:
    def tell(body: bytes) -> Mutation:
        return Mutation(SPACE, KEY, lambda old: Put(b"1", 1, (), (Change("s", 1, body),)))

    last = planned(tell(b"a"), tell(b"b"), tell(b"c")).calls(hold=False)[-1]
    packed = last.parameters[3]
    assert packed is not None
    assert packed.index(b"a") < packed.index(b"b") < packed.index(b"c")


def test_a_reject_is_noticed() -> None:
    assert planned(PUT, Mutation(SPACE, KEY, lambda old: Reject())).rejected
    assert not planned(PUT).rejected


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("packed", "kind", "expected"),
    [
        (arrays.byteas([]), "bytea[]", "{}"),
        (arrays.byteas([b"", b"\x00\xff"]), "bytea[]", '{"\\\\x","\\\\x00ff"}'),
        (arrays.texts(["a", "ß"]), "text[]", "{a,ß}"),
        (arrays.int8s([0, -1, 2**62]), "int8[]", "{0,-1,4611686018427387904}"),
        (arrays.int4s([7, None]), "int4[]", "{7,NULL}"),
        (arrays.int8(-5), "int8", "-5"),
    ],
)
def test_packed_values_are_what_the_server_reads(packed: bytes, kind: str, expected: str, embedded) -> None:  # type: ignore[no-untyped-def]
    with psycopg.connect(embedded.url) as connection:
        result = connection.pgconn.exec_params(f"SELECT $1::{kind}::text".encode(), [packed], None, [1], 0)
    assert result.get_value(0, 0) == expected.encode()


@pytest.mark.parametrize("number", [0, 1, -1, 2**31 - 1, -(2**63)])
def test_integers_come_back(number: int) -> None:
    assert arrays.integer(arrays.int8(number)) == number


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("42P01", contract.SchemaMismatch),
        ("42703", contract.SchemaMismatch),
        ("23502", contract.SchemaMismatch),
        ("40001", contract.SerializationFailure),
        ("40P01", contract.SerializationFailure),
        ("08006", contract.Unavailable),
        ("57P01", contract.Unavailable),
        ("53300", contract.Unavailable),
    ],
)
def test_states_are_translated_with_their_cause(state: str, expected: type[Exception]) -> None:
    error = errors.from_state(state, "m")
    assert type(error) is expected
    assert isinstance(error.__cause__, psycopg.Error)


def test_our_own_defects_are_not_dressed_up() -> None:
    assert isinstance(errors.from_state("42601", "syntax error"), psycopg.errors.SyntaxError)


def test_defaults_and_numbers() -> None:
    config = parse({})
    assert (config.url, config.memory, config.schema, config.pool_size) == (None, False, "extenddb", 10)
    assert parse({"pool_size": "3", "memory": "TRUE", "url": ""}).pool_size == 3


@pytest.mark.parametrize("settings", [{"pool_size": "many"}, {"pool_size": "0"}, {"schema": 'x"; DROP'}])
def test_settings_without_sense_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(contract.Unavailable, match="setting"):
        parse(settings)
