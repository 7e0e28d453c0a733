"""The statement guard: rules that keep every statement ready for a distributed PostgreSQL (or for plain sense)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp

from extenddb.storage.errors import ContractViolation
from extenddb.storage.model import Space
from extenddb.storage_postgres import plan, streams
from extenddb.storage_postgres.ddl import index_name, table_name
from extenddb.storage_postgres.statements import INDEX_TEMPLATES, TEMPLATES, SpaceStatements
from extenddb.storage_postgres.wire import Statement

SPACE = Space(id="t", indexes=("x",))
FORBIDDEN = re.compile(r"nextval|advisory|pg_notify|\bNOTIFY\b|now\(\)|OFFSET|random\(", re.IGNORECASE)


def texts() -> Iterator[tuple[str, str]]:
    sql = SpaceStatements(SPACE)
    for name in TEMPLATES:
        yield name, getattr(sql, name).sql.decode()
    for name in INDEX_TEMPLATES:
        yield name, getattr(sql, name)("x").sql.decode()
    for index, flag, other in itertools.product((None, "x"), (False, True), (False, True)):
        yield f"range {index} {flag} {other}", sql.range(index, reverse=flag, bounded=other).sql.decode()
        yield f"scan {index} {flag}", sql.scan(index, bounded=flag).sql.decode()
        if index is not None:
            whole = sql.range(index, reverse=flag, bounded=other, whole=True)
            yield f"range {index} {flag} {other}, whole keys", whole.sql.decode()
            yield f"scan {index} {flag}, whole keys", sql.scan(index, bounded=flag, whole=True).sql.decode()
    for module in (plan, streams):
        for name, found in vars(module).items():
            if isinstance(found, Statement):
                yield f"{module.__name__}.{name}", found.sql.decode()


TEXTS = dict(texts())


def parsed(name: str) -> exp.Expr:
    return sqlglot.parse_one(TEXTS[name], dialect="postgres")


@pytest.mark.parametrize("name", TEXTS)
def test_it_is_one_statement_without_forbidden_words(name: str) -> None:
    assert len(sqlglot.parse(TEXTS[name], dialect="postgres")) == 1
    assert FORBIDDEN.search(TEXTS[name]) is None


@pytest.mark.parametrize("name", TEXTS)
def test_a_conflict_names_its_target_and_takes_new_values_only(name: str) -> None:
    for conflict in parsed(name).find_all(exp.OnConflict):
        assert conflict.args.get("conflict_keys")


@pytest.mark.parametrize("name", TEXTS)
def test_no_statement_modifies_in_a_common_table_expression(name: str) -> None:
    assert not list(parsed(name).find_all(exp.CTE))


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith(("range", "scan"))])
def test_a_page_is_bounded_and_ordered_at_its_source(name: str) -> None:
    tree = parsed(name)
    sources = [select for select in tree.find_all(exp.Select) if select.args.get("limit")]
    assert len(sources) == 1
    assert sources[0].args.get("order")
    assert sources[0].find(exp.Table) is not None


@pytest.mark.parametrize("name", ["get", "lock", "update", "delete", "entry_delete"])
def test_rows_are_found_by_their_whole_key(name: str) -> None:
    for column in ("b", "ph", "sk"):
        assert re.search(rf"\b[tx]\.{column} = k\.{column}\b", TEXTS[name])


def test_locks_are_taken_in_key_order() -> None:
    tree = parsed("lock")
    assert tree.args["locks"]
    assert [str(term.this) for term in tree.args["order"].expressions] == ["t.b", "t.ph", "t.sk"]


@pytest.mark.parametrize("bad", ["", "A", 'a"', "a_b", "a" * 33])
def test_an_id_that_is_no_name_never_reaches_sql(bad: str) -> None:
    with pytest.raises(ContractViolation):
        table_name(Space(id=bad))
    with pytest.raises(ContractViolation):
        index_name(Space(id="t"), bad)
