"""The grammar of statements: SELECT, INSERT, UPDATE, DELETE, and EXISTS for transactions.

Source: "PartiQL - a SQL-compatible query language" of the developer guide, pages ql-reference.* and ql-functions.*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import (
    Action,
    Add,
    Arithmetic,
    ConditionNode,
    Function,
    Operand,
    Path,
    Remove,
    Set,
    UpdateNode,
    Value,
)
from extenddb.core.expressions.nodes import Delete as DeleteElements
from extenddb.core.partiql.conditions import Conditions
from extenddb.core.partiql.errors import DATA_MANIPULATION
from extenddb.core.partiql.nodes import Delete, Exists, Insert, OrderTerm, Parsed, Select, Statement, Update
from extenddb.core.partiql.tokens import PARAMETER

CACHED_TREES = 1024
"""Statements kept, by text; a text is at most 8 KB."""

_SET_FUNCTIONS: Mapping[str, Callable[[Path, Value], Action]] = {"set_add": Add, "set_delete": DeleteElements}


@lru_cache(maxsize=CACHED_TREES)
def parse(text: str) -> Parsed:
    """Return the tree of a statement; raises `Malformed`, or `Problem` for what the syntax alone allows."""
    return _Statements(text).parse()


class _Statements(Conditions):
    def parse(self) -> Parsed:
        """Return the tree of the whole text."""
        parsers: dict[str, Callable[[], Statement]] = {
            "SELECT": self._select,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
            "EXISTS": self._exists,
        }
        if self.kind not in parsers:
            self.fail(DATA_MANIPULATION)
        statement = parsers[self.advance().kind]()
        self.finish()
        return Parsed(statement=statement, literals=tuple(self.literals), parameters=self.parameters)

    def _select(self) -> Select:
        paths = None if self.accept("*") else self._paths()
        self.expect("FROM")
        table = self.name()
        index = self.name() if self.accept(".") else None
        where = self._where()
        return Select(paths=paths, table=table, index=index, where=where, order=self._order())

    def _paths(self) -> tuple[Path, ...]:
        paths = [self.path()]
        while self.accept(","):
            paths.append(self.path())
        return tuple(paths)

    def _where(self) -> ConditionNode | None:
        return self.condition() if self.accept("WHERE") else None

    def _order(self) -> tuple[OrderTerm, ...]:
        if not self.accept("ORDER"):
            return ()
        self.expect("BY")
        terms = [self._order_term()]
        while self.accept(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> OrderTerm:
        name = self.name()
        if self.accept("DESC"):
            return OrderTerm(name, descending=True)
        self.accept("ASC")
        return OrderTerm(name)

    def _exists(self) -> Exists:
        self.expect("(")
        self.expect("SELECT")
        select = self._select()
        self.expect(")")
        return Exists(select=select)

    def _insert(self) -> Insert:
        self.expect("INTO")
        table = self.name()
        self.expect("VALUE")
        if self.kind not in ("{", PARAMETER):
            self.fail("{")
        return Insert(table=table, item=self.value())

    def _delete(self) -> Delete:
        self.expect("FROM")
        table = self.name()
        return Delete(table=table, where=self._where(), returning=self._returning())

    def _returning(self) -> str | None:
        if not self.accept("RETURNING"):
            return None
        returned = f"{self._one_of('ALL', 'MODIFIED')} {self._one_of('OLD', 'NEW')}"
        self.expect("*")
        return returned

    def _one_of(self, first: str, second: str) -> str:
        if self.accept_word(first):
            return first
        if not self.accept_word(second):
            self.fail(f"{first} or {second}")
        return second

    def _update(self) -> Update:
        table = self.name()
        actions: list[Action] = []
        if self.kind not in ("SET", "REMOVE"):
            self.fail("SET or REMOVE")
        while self.kind in ("SET", "REMOVE"):
            parser = self._set if self.advance().kind == "SET" else self._remove
            actions.append(parser())
            while self.accept(","):
                actions.append(parser())
        where = self._where()
        return Update(table=table, update=UpdateNode(tuple(actions)), where=where, returning=self._returning())

    def _remove(self) -> Action:
        return Remove(self.path())

    def _set(self) -> Action:
        path = self.path()
        self.expect("=")
        if self.calls:
            function = self.call()
            if function.name in _SET_FUNCTIONS:
                return _set_elements(path, function)
            return Set(path, self._arithmetic(_list_append(function)))
        return Set(path, self._arithmetic(self.operand()))

    def _arithmetic(self, left: Operand) -> Operand | Arithmetic:
        if self.kind not in ("+", "-"):
            return left
        self.count_operator()
        return Arithmetic(self.advance().kind, left, self._assigned())

    def _assigned(self) -> Operand:
        return _list_append(self.call()) if self.calls else self.operand()


def _list_append(function: Function) -> Function:
    if function.name != "list_append":
        raise problems.unknown_function(function.name)
    _check_two(function)
    return function


def _set_elements(path: Path, function: Function) -> Action:
    """Return `a = set_add(a, value)` as the ADD, and set_delete as the DELETE, of update expressions."""
    _check_two(function)
    target, value = function.arguments
    if target != path or not isinstance(value, Value):
        raise problems.function_misused(function.name)
    return _SET_FUNCTIONS[function.name](path, value)


def _check_two(function: Function) -> None:
    if len(function.arguments) != 2:
        raise problems.operand_count(function.name, len(function.arguments))
