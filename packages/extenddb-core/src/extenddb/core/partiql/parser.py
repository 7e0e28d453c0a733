"""The grammar of statements: SELECT, INSERT, UPDATE, DELETE, and EXISTS for transactions.

Sources: "PartiQL - a SQL-compatible query language" of the developer guide, pages ql-reference.* and ql-functions.*,
for what is supported; the language's public reference parser for what is well formed and what a text that is not is
told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from extenddb.core import limits
from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import Action, ConditionNode, Function, Path, Remove, UpdateNode
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql.assignments import assignment
from extenddb.core.partiql.errors import unexpected_path, unsupported, unsupported_clause, unsupported_operation
from extenddb.core.partiql.expressions import Expressions
from extenddb.core.partiql.keywords import CLAUSES
from extenddb.core.partiql.nodes import (
    Delete,
    Exists,
    Insert,
    MapOf,
    OrderTerm,
    Parameter,
    Parsed,
    Select,
    Statement,
    Update,
)
from extenddb.core.partiql.operands import Call, Odd, Term
from extenddb.core.partiql.tokens import Token

CACHED_TREES = 1024
"""Statements kept, by text; a text is at most 8 KB."""
_TABLE_AND_INDEX = 2
_FROM_DEPTH = 8  # statements that begin with FROM within each other, before they are refused
_JOINS = frozenset(("join", "inner", "left", "right", "full", "outer", "cross"))
_SET_OPERATORS = frozenset(("union", "union_all", "except", "except_all", "intersect", "intersect_all"))
_NO_ALIAS = "Aliasing is not supported"
_ONE_TABLE = "FROM clause may only contain a single table name"
_NOT_ON_INDEX = "This operation is not supported on an index"


@lru_cache(maxsize=CACHED_TREES)
def parse(text: str) -> Parsed:
    """Return the tree of a statement. Raises `Malformed` for a text that the language does not have.

    What the language has and DynamoDB not is the tree's `refusal`, or a `Problem` where no tree can be made of it.
    """
    return _Statements(text).parse()


class _Statements(Expressions):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._refusals: list[Problem] = []
        self._depth = 0

    def parse(self) -> Parsed:
        """Return the tree of the whole text."""
        parsers: dict[str, Callable[[], Statement]] = {
            "select": self._select_statement,
            "insert_into": self._insert,
            "update": self._update,
            "delete": self._delete,
            "from": self._update_from,
        }
        if self.word == "exists" and self.ahead(1).kind == "(" and self.ahead(2).text == "select":
            statement: Statement = self._exists()
        elif self.word in parsers:
            statement = parsers[self.advance().text]()
        else:
            self._refuse_expression()
            self.finish()
            raise self._refusals[0]
        self.finish()
        return Parsed(
            statement=statement,
            literals=tuple(self.literals),
            parameters=self.parameters,
            set_arguments=self.set_arguments,
            refusal=self._refusals[0].statement_text if self._refusals else None,
        )

    # What is well formed and not supported is refused when all of the text is known to be well formed.
    def _refuse(self, problem: Problem) -> None:
        self._refusals.append(problem)

    def _refuse_expression(self) -> None:
        """Parse a text that is no statement of ours, if it is one at all."""
        if self.word in ("create", "drop"):
            self._definition(self.advance().text.upper())
            return
        self.expression()
        self._refuse(unsupported_operation("Expression"))

    def _definition(self, verb: str) -> None:
        if self.word not in ("table", "index"):
            self.fail(f"Unexpected token following {verb}")
        what = self.advance().text
        if what == "table" and not self.at_name:
            self.fail("Expected identifier!")
        if what == "table":
            self.name()
            if not self.at_end:
                self.fail(f"Unexpected tokens after {verb} statement!")
        self._refuse(unsupported_operation(f"{verb} {what.upper()}"))
        while not self.at_end:
            self.advance()

    def term_of_word(self) -> Term:
        """Parse an operand that begins with a keyword; FROM begins a statement of its own."""
        if self.word != "from":
            return super().term_of_word()
        self._depth += 1
        if self._depth > _FROM_DEPTH:
            raise unsupported_operation("FROM")
        self.advance()
        self.expression()
        self._alias()
        if self.accept_word("where"):
            self.expression()
        self._actions()
        raise unsupported_operation("FROM")

    def _select_statement(self) -> Select:
        select = self._select()
        if self.word in _SET_OPERATORS:
            raise unsupported_operation(self.word.upper())
        return select

    def _select(self) -> Select:
        if self.accept_word("distinct"):
            self._refuse(unsupported("SELECT DISTINCT is not supported"))
        else:
            self.accept_word("all")
        if self.accept_word("value"):
            self._refuse(unsupported("SELECT VALUE is not supported"))
            paths: tuple[Path, ...] | None = self._term_paths(self.token, self.expression())
        else:
            paths = self._select_list()
        if not self.accept_word("from"):
            self.fail("Expected FROM after SELECT list")
        table, index = self._source()
        where = self._where(CLAUSES)
        order = self._order()
        self._other_clauses()
        return Select(paths=paths, table=table, index=index, where=where, order=order)

    def _select_list(self) -> tuple[Path, ...] | None:
        paths: list[Path] = []
        stars = items = 0
        while not items or self.accept(","):
            items += 1
            token = self.token
            if self.accept("*"):
                stars += 1
                continue
            paths.extend(self._term_paths(token, self.expression()))
            self._alias()
        if stars and items > 1:
            self.fail("Other expressions may not be present in the select list when '*' is used without dot notation.")
        return None if stars else tuple(paths)

    def _term_paths(self, token: Token, term: Term) -> tuple[Path, ...]:
        if isinstance(term, Path):
            return (self._checked(term),)
        if isinstance(term, Odd):
            self._refuse(term.problem)
        elif isinstance(term, Call | Function):
            self._refuse(unexpected_path(self.place(token)))
        else:
            self._refuse(unsupported(f"Unsupported expression in SELECT list at {self.place(token)}"))
        return ()

    def _alias(self) -> None:
        """Read the names a table or an attribute could be given."""
        if self.at_name:
            self.advance()
            self._refuse(unsupported(_NO_ALIAS))
            return
        for kind in ("as", "at", "by"):
            if self.accept(kind):
                self._alias_name(f"Expected identifier for {kind.upper()}-alias")

    def _alias_name(self, expectation: str) -> None:
        if not self.at_name:
            self.fail(expectation)
        self.advance()
        self._refuse(unsupported(_NO_ALIAS))

    def _source(self) -> tuple[str, str | None]:
        """Read what FROM names: a table, or a table and its index."""
        token = self.token
        if self.word == "unpivot":
            raise unsupported("UNPIVOT is not supported")
        term = self.expression(CLAUSES)
        self._alias()
        if self.kind == "," or self.word in _JOINS:
            raise unsupported("Only a single table can be read by a statement")
        return self._table(token, term)

    def _table(self, token: Token, term: Term, *, second: str | None = None) -> tuple[str, str | None]:
        """Return the names of a table and its index; `second` refuses an index."""
        names = [part for part in term.parts if isinstance(part, str)] if isinstance(term, Path) else []
        if not isinstance(term, Path):
            self._refuse(unsupported(f"Unexpected from source at {self.place(token)}"))
        elif len(names) < len(term.parts) or len(names) > _TABLE_AND_INDEX:
            self._refuse(unexpected_path(self.place(token)))
        elif len(names) == _TABLE_AND_INDEX and second is not None:
            self._refuse(unsupported(second))
        return (names[0], names[1] if len(names) > 1 else None) if names else ("", None)

    def _where(self, precedence: int = 0) -> ConditionNode | None:
        if not self.accept_word("where"):
            return None
        token = self.token
        node = self.condition(self.expression(precedence), self.place(token))
        if isinstance(node, Odd):
            self._refuse(node.problem)
            return None
        return node

    def _order(self) -> tuple[OrderTerm, ...]:
        if not self.accept_word("order"):
            return ()
        if not self.accept("by"):
            self.fail("Expected BY")
        terms = [self._order_term()]
        while self.accept(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> OrderTerm:
        token, term = self.token, self.expression()
        descending = self.word == "desc"
        if self.word in ("asc", "desc"):
            self.advance()
        if isinstance(term, Path) and len(term.parts) == 1:
            return OrderTerm(str(term.parts[0]), descending)
        self._refuse(unsupported(f"Unsupported expression in ORDER BY clause at {self.place(token)}"))
        return OrderTerm("", descending)

    def _other_clauses(self) -> None:
        """Read clauses of the language that no statement may have."""
        if self.accept_word("group"):
            self.accept_word("partial")
            if not self.accept("by"):
                self.fail("Expected BY")
            self._refused_clause("GROUP BY")
            while self.accept(","):
                self.expression(CLAUSES)
        for word in ("having", "limit"):
            if self.accept_word(word):
                self._refused_clause(word.upper())

    def _refused_clause(self, name: str) -> None:
        self._refuse(unsupported_clause(name, self.place(self.token)))
        self.expression(CLAUSES)

    def _exists(self) -> Exists:
        for _ in range(3):
            self.advance()
        select = self._select()
        if not self.accept(")"):
            self.fail("Expected RIGHT_PAREN")
        return Exists(select=select)

    def _insert(self) -> Insert:
        token = self.token
        table, _ = self._table(token, self._simple_path(), second=_ONE_TABLE)
        if not self.accept_word("value"):
            self.expression()
            self._refuse(unsupported_operation("INSERT without VALUE"))
            return Insert(table=table, item=self.value(MapOf(())))
        token, term = self.token, self.expression()
        if not isinstance(term, MapOf | Parameter):
            self._refuse(
                term.problem
                if isinstance(term, Odd)
                else unsupported(f"Unsupported value in INSERT at {self.place(token)}")
            )
            term = MapOf(())
        if self.accept("at"):
            self._refused_clause("AT")
        if self.word == "on_conflict":
            raise unsupported_clause("ON CONFLICT", self.place(self.token))
        if self.word == "returning":
            self._refuse(unsupported_clause("RETURNING", self.place(self.token)))
            self._returning()
        return Insert(table=table, item=self.value(term))

    def _delete(self) -> Delete:
        if not self.accept_word("from"):
            self.fail("Expected FROM after DELETE")
        table = self._target()
        return Delete(table=table, where=self._where(), returning=self._returning())

    def _target(self) -> str:
        """Read the table an UPDATE or DELETE is for."""
        token = self.token
        table, _ = self._table(token, self._simple_path(), second=_NOT_ON_INDEX)
        self._alias()
        return table

    def _update(self) -> Update:
        table = self._target()
        actions = self._actions()
        where = self._where()
        return Update(table=table, update=UpdateNode(actions), where=where, returning=self._returning())

    def _update_from(self) -> Update:
        """Read an update whose table and condition come first: FROM table WHERE condition SET ..."""
        token = self.token
        table, _ = self._table(token, self.expression(CLAUSES), second=_NOT_ON_INDEX)
        self._alias()
        where = self._where()
        return Update(table=table, update=UpdateNode(self._actions()), where=where, returning=self._returning())

    def _actions(self) -> tuple[Action, ...]:
        """Read SET and REMOVE clauses, at least one."""
        actions: list[Action] = []
        clauses = 0
        while self.word in ("set", "remove", "insert_into"):
            clauses += 1
            if self.word == "insert_into":
                raise unsupported_operation("INSERT within UPDATE")
            if self.accept_word("remove"):
                actions.append(Remove(self._simple_path()))
                continue
            self.advance()
            actions.extend(self._assignment())
            while self.accept(","):
                actions.extend(self._assignment())
        if not clauses:
            self.fail("Expected data manipulation")
        return tuple(actions)

    def _assignment(self) -> tuple[Action, ...]:
        path = self._simple_path()
        if not self.accept_word("="):
            self.fail("Expected '='")
        token = self.token
        action = assignment(self, path, self.expression(), self.place(token))
        if isinstance(action, Odd):
            self._refuse(action.problem)
            return ()
        return (action,)

    def _simple_path(self) -> Path:
        """Read a path of names and constant indexes."""
        if not self.at_name:
            self.fail("Expected identifier for simple path")
        term: Term = Path((self.name(),))
        while self.kind in (".", "["):
            token = self.advance()
            if token.kind == ".":
                if not self.at_name:
                    self.fail(f"Invalid path dot component{' for simple path' if self.kind == '*' else ''}")
                term = self.step(term, self.token, self.name())
            else:
                term = self._index(token, term)
        if isinstance(term, Path):
            return self._checked(term)
        if isinstance(term, Odd):
            self._refuse(term.problem)
        return Path(("",))

    def _index(self, token: Token, base: Term) -> Term:
        if self.kind == "*":
            self.fail("Invalid path component for simple path")
        index = self.expression()
        if not self.accept("]"):
            self.fail("Expected RIGHT_BRACKET")
        return self.indexed(base, index, token)

    def _checked(self, path: Path) -> Path:
        if len(path.parts) > limits.NESTING_DEPTH:
            self._refuse(problems.too_deep_path(len(path.parts)))
        return path

    def _returning(self) -> str | None:
        if not self.accept_word("returning"):
            return None
        returned = [self._returned()]
        while self.accept(","):
            returned.append(self._returned())
        if len(returned) > 1:
            self._refuse(unsupported("Only one RETURNING element is supported"))
        return returned[0]

    def _returned(self) -> str:
        mode = _RETURNED.get(self.word)
        if mode is None:
            self.fail("Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.")
        self.advance()
        if not self.accept("*"):
            token = self.token
            self.expression()
            self._refuse(unsupported(f"Only * is supported in RETURNING columns at {self.place(token)}"))
        return mode


_RETURNED: Mapping[str, str] = {
    "all_old": "ALL OLD",
    "all_new": "ALL NEW",
    "modified_old": "MODIFIED OLD",
    "modified_new": "MODIFIED NEW",
}
