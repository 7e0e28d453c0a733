"""Every tree prints to a text that parses to it; no text makes the parser fail in any but its own ways."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from extenddb.core.expressions.nodes import (
    Add,
    And,
    Arithmetic,
    Between,
    Comparison,
    ConditionNode,
    Function,
    In,
    Not,
    Or,
    Path,
    Remove,
    Set,
    UpdateNode,
    Value,
)
from extenddb.core.expressions.nodes import Delete as DeleteElements
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql import Delete, Exists, Insert, Malformed, OrderTerm, Parsed, Select, Update, parse, to_text
from extenddb.core.partiql.keywords import KEYWORDS, OPERATOR_WORDS
from extenddb.core.partiql.nodes import ListOf, Literal, MapOf, Parameter, Scalar, SetOf

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_NAMES = st.one_of(st.sampled_from(["a", "b", "select", "null", 'q"q', "ü", "a.b", "#x"]), _TEXT.filter(bool))
_PATHS = st.builds(
    lambda name, rest: Path((name, *rest)), _NAMES, st.lists(st.one_of(_NAMES, st.integers(0, 999)), max_size=3)
)
_SCALARS = st.one_of(
    st.builds(Scalar, st.just("S"), _TEXT),
    st.builds(
        Scalar, st.just("N"), st.from_regex(r"-?[0-9]{1,5}(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
    ),
    st.builds(Scalar, st.just("BOOL"), st.booleans()),
    st.just(Scalar("NULL", True)),
    st.just(Parameter(0)),
)
_LITERALS: st.SearchStrategy[Literal] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda members: ListOf(tuple(members)), st.lists(inner, max_size=3)),
        st.builds(lambda members: SetOf(tuple(members)), st.lists(inner, max_size=3)),
        st.builds(lambda members: MapOf(tuple(members.items())), st.dictionaries(_TEXT, inner, max_size=3)),
    ),
    max_leaves=5,
)
_SETS: st.SearchStrategy[Literal] = st.one_of(
    st.just(Parameter(0)), st.builds(lambda members: SetOf(tuple(members)), st.lists(_SCALARS, max_size=3))
)


class _Builder:
    """Draws statements in the order of their text, so that literals and parameters get the numbers of that order."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self.literals: list[Literal] = []
        self.parameters = 0

    def value(self, strategy: st.SearchStrategy[Literal] = _LITERALS) -> Value:
        self.literals.append(self._numbered(self._draw(strategy)))
        return Value(f":{len(self.literals) - 1}")

    def _numbered(self, node: Literal) -> Literal:
        if isinstance(node, Parameter):
            self.parameters += 1
            return Parameter(self.parameters - 1)
        if isinstance(node, MapOf):
            return MapOf(tuple((name, self._numbered(member)) for name, member in node.members))
        if isinstance(node, ListOf | SetOf):
            return type(node)(tuple(self._numbered(member) for member in node.members))
        return node

    def operand(self, *, sizes: bool = True) -> Any:
        kind = self._draw(st.sampled_from(["path", "value", "size"] if sizes else ["path", "value"]))
        if kind == "value":
            return self.value()
        path = self._draw(_PATHS)
        return Function("size", (path,)) if kind == "size" else path

    def condition(self, depth: int = 2) -> ConditionNode:
        kind = self._draw(st.sampled_from(["predicate", "not", "and", "or"] if depth else ["predicate"]))
        if kind == "predicate":
            return self._predicate()
        if kind == "not":
            return Not(self.condition(depth - 1))
        joined: type[And | Or] = And if kind == "and" else Or
        terms = [self.condition(depth - 1) for _ in range(self._draw(st.integers(2, 3)))]
        return joined(tuple(Not(term) if isinstance(term, joined) else term for term in terms))

    def _predicate(self) -> ConditionNode:
        kind = self._draw(st.sampled_from(["compare", "between", "in", "function", "is"]))
        if kind == "compare":
            operator = self._draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
            return Comparison(operator, self.operand(), self.operand())
        if kind == "between":
            return Between(self.operand(), self.operand(), self.operand())
        if kind == "in":
            return In(self.operand(), tuple(self.operand() for _ in range(self._draw(st.integers(1, 3)))))
        if kind == "is":
            return Function(self._draw(st.sampled_from(["attribute_exists", "attribute_not_exists"])), (self.path(),))
        name = self._draw(st.sampled_from(["begins_with", "contains", "attribute_type"]))
        return Function(name, (self.operand(sizes=False), self.operand(sizes=False)))

    def path(self) -> Path:
        path: Path = self._draw(_PATHS)
        return path

    def where(self) -> ConditionNode | None:
        return self.condition() if self._draw(st.booleans()) else None

    def returning(self) -> str | None:
        returned: str | None = self._draw(st.sampled_from([None, "ALL OLD", "ALL NEW", "MODIFIED OLD", "MODIFIED NEW"]))
        return returned

    def action(self) -> Any:
        kind = self._draw(st.sampled_from(["set", "sum", "append", "remove", "add", "delete"]))
        path = self.path()
        if kind == "remove":
            return Remove(path)
        if kind in ("add", "delete"):
            return (Add if kind == "add" else DeleteElements)(path, self.value(_SETS))
        if kind == "append":
            return Set(path, Function("list_append", (self.operand(sizes=False), self.operand(sizes=False))))
        if kind == "sum":
            return Set(
                path,
                Arithmetic(self._draw(st.sampled_from("+-")), self.operand(sizes=False), self.operand(sizes=False)),
            )
        return Set(path, self.operand(sizes=False))

    def select(self) -> Select:
        paths = self._draw(st.one_of(st.none(), st.lists(_PATHS, min_size=1, max_size=3).map(tuple)))
        order = self._draw(st.lists(st.builds(OrderTerm, _NAMES, st.booleans()), max_size=2).map(tuple))
        table, index = self._draw(_NAMES), self._draw(st.one_of(st.none(), _NAMES))
        return Select(paths=paths, table=table, index=index, where=self.where(), order=order)

    def statement(self) -> Any:
        kind = self._draw(st.sampled_from(["select", "insert", "update", "delete", "exists"]))
        table = self._draw(_NAMES)
        if kind == "insert":
            return Insert(
                table=table, item=self.value(_LITERALS.filter(lambda node: isinstance(node, MapOf | Parameter)))
            )
        if kind == "update":
            actions = tuple(self.action() for _ in range(self._draw(st.integers(1, 3))))
            return Update(table=table, update=UpdateNode(actions), where=self.where(), returning=self.returning())
        if kind == "delete":
            return Delete(table=table, where=self.where(), returning=self.returning())
        return self.select() if kind == "select" else Exists(select=self.select())


@st.composite
def _statements(draw: Any) -> Parsed:
    builder = _Builder(draw)
    statement = builder.statement()
    return Parsed(statement=statement, literals=tuple(builder.literals), parameters=builder.parameters)


@given(_statements())
@settings(max_examples=200, deadline=None)
def test_printed_statement_parses_to_itself(parsed: Parsed) -> None:
    assert parse(to_text(parsed)) == parsed


_PIECES = st.sampled_from(
    [
        *sorted(KEYWORDS | OPERATOR_WORDS),
        *("null", "missing", "true", "as", "at", "by", "`", "@", "||", "1e"),
        *("SELECT * FROM t WHERE", "UPDATE t SET a =", "INSERT INTO t VALUE", "RETURNING ALL OLD *"),
        *"=<>()[]{}.,:;*+-?'\"!é\n",
        "<<",
        ">>",
        "<>",
        "!=",
        "--",
        "/*",
        "a",
        '"b"',
        "'c'",
        "1",
        "size(",
    ]
)


@given(st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=25).map(" ".join), st.lists(_PIECES).map("".join)))
@settings(max_examples=400, deadline=None)
def test_any_text_parses_or_fails_as_it_should(text: str) -> None:
    try:
        parsed = parse(text)
    except Malformed as error:
        at = error.token.start
    except Problem:
        at = 0
    else:
        assert parsed.refusal is not None or parse(to_text(parsed)) == parsed
        at = len(text)
    assert 0 <= at <= len(text)
