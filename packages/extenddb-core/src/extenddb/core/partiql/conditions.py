"""The grammar of WHERE: OR, then AND, then NOT, then comparisons, functions and parentheses.

Operators and parentheses wait on a stack of our own instead of Python's: how deep a text nests is the client's choice
and must not be able to exhaust the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping

from extenddb.core import limits
from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import (
    And,
    Between,
    Comparison,
    ConditionNode,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    Value,
)
from extenddb.core.partiql.nodes import Scalar
from extenddb.core.partiql.terms import Terms

_COMPARATORS: Mapping[str, str] = {"!=": "<>"} | {sign: sign for sign in ("=", "<>", "<", "<=", ">", ">=")}
_ARGUMENTS: Mapping[str, int] = {"attribute_type": 2, "begins_with": 2, "contains": 2, "size": 1}
_STRENGTH: Mapping[str, int] = {"(": 0, "OR": 1, "AND": 2, "NOT": 3}


class Conditions(Terms):
    """Parser of conditions, wherever in a statement they stand."""

    def condition(self) -> ConditionNode:
        """Parse a condition up to the first token that cannot belong to it."""
        operators: list[str] = []
        terms: list[ConditionNode] = []
        depth = 0
        while True:
            depth += self._open(operators)
            terms.append(self._predicate())
            while depth and self.accept(")"):
                _reduce(operators, terms, 1)
                operators.pop()
                depth -= 1
            if self.kind not in ("AND", "OR"):
                break
            self.count_operator()
            connective = self.advance().kind
            _reduce(operators, terms, _STRENGTH[connective])
            operators.append(connective)
        if depth:
            self.fail(")")
        _reduce(operators, terms, 1)
        return terms[0]

    def _open(self, operators: list[str]) -> int:
        """Consume what may stand before a predicate; return how many parentheses were opened."""
        opened = 0
        while self.kind in ("NOT", "("):
            operator = self.advance().kind
            operators.append(operator)
            if operator == "NOT":
                self.count_operator()
            else:
                opened += 1
        return opened

    def _predicate(self) -> ConditionNode:
        if self.calls:
            function = self._function()
            if function.name != "size":
                return function
            return self._comparison(function)
        left = self.operand()
        if self.accept("IS"):
            return self._is(left)
        if self.accept("NOT"):
            self.count_operator()
            if self.kind not in ("BETWEEN", "IN"):
                self.fail("BETWEEN or IN")
            return Not(self._comparison(left))
        return self._comparison(left)

    def _function(self) -> Function:
        function = self.call()
        count = len(function.arguments)
        if function.name not in _ARGUMENTS:
            raise problems.unknown_function(function.name)
        if count != _ARGUMENTS[function.name]:
            raise problems.operand_count(function.name, count)
        return function

    def _comparison(self, left: Operand) -> ConditionNode:
        self.count_operator()
        if self.kind in _COMPARATORS:
            return Comparison(_COMPARATORS[self.advance().kind], left, self.operand())
        if self.accept("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return Between(left, low, self.operand())
        if not self.accept("IN"):
            self.fail("comparison")
        return In(left, self._options())

    def _options(self) -> tuple[Operand, ...]:
        if self.kind not in ("[", "("):
            self.fail("[ or (")
        closing = "]" if self.advance().kind == "[" else ")"
        options = [self.operand()]
        while self.accept(","):
            options.append(self.operand())
        self.expect(closing)
        if len(options) > limits.IN_OPERANDS:
            raise problems.too_many_options(len(options))
        return tuple(options)

    def _is(self, left: Operand) -> ConditionNode:
        """Parse IS [NOT] MISSING and IS [NOT] NULL; NULL is the value of that type, not an absent attribute."""
        self.count_operator()
        negated = self.accept("NOT")
        if not isinstance(left, Path) or self.kind not in ("MISSING", "NULL"):
            self.fail("MISSING or NULL behind an attribute and IS")
        if self.advance().kind == "MISSING":
            return Function("attribute_exists" if negated else "attribute_not_exists", (left,))
        self.literals.append(Scalar("S", "NULL"))
        is_null = Function("attribute_type", (left, Value(f":{len(self.literals) - 1}")))
        return Not(is_null) if negated else is_null


def _reduce(operators: list[str], terms: list[ConditionNode], strength: int) -> None:
    """Apply the waiting operators that bind at least as strongly, the last one first."""
    while operators and _STRENGTH[operators[-1]] >= strength:
        operator = operators.pop()
        right = terms.pop()
        if operator == "NOT":
            terms.append(Not(right))
        else:
            terms.append(_join(And if operator == "AND" else Or, terms.pop(), right))


def _join(kind: type[And | Or], left: ConditionNode, right: ConditionNode) -> ConditionNode:
    flat: list[ConditionNode] = []
    for term in (left, right):
        if isinstance(term, And | Or) and isinstance(term, kind):
            flat.extend(term.terms)
        else:
            flat.append(term)
    return kind(tuple(flat))
