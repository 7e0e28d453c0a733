"""The grammar of conditions: OR, then AND, then NOT, then comparisons, functions and parentheses.

Parentheses are kept on a stack of our own instead of Python's: how deep a text nests is the client's choice (query
builders nest one pair for each AND), and must not be able to exhaust the interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

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
from extenddb.core.expressions.parser import CACHED_TREES, CONDITION_FUNCTIONS, Parser
from extenddb.core.expressions.tokens import END

_COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_CONNECTIVES = frozenset(("AND", "OR"))


@lru_cache(maxsize=CACHED_TREES)
def parse_condition(text: str) -> ConditionNode:
    """Return the tree of a condition, filter or key condition expression; raises `Problem`."""
    return ConditionParser(text).parse()


@dataclass(slots=True)
class _Group:
    """What has been read of one pair of parentheses, or of the whole text."""

    alternatives: list[ConditionNode] = field(default_factory=list)
    terms: list[ConditionNode] = field(default_factory=list)
    negations: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.alternatives or self.terms or self.negations)

    def add_term(self, term: ConditionNode) -> None:
        for _ in range(self.negations):
            term = Not(term)
        self.negations = 0
        self.terms.append(term)

    def end_alternative(self) -> None:
        self.alternatives.append(self.terms[0] if len(self.terms) == 1 else And(tuple(self.terms)))
        self.terms = []

    def result(self) -> ConditionNode:
        self.end_alternative()
        return self.alternatives[0] if len(self.alternatives) == 1 else Or(tuple(self.alternatives))


class ConditionParser(Parser):
    """Parser of one condition."""

    keywords: ClassVar[frozenset[str]] = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))
    functions: ClassVar[frozenset[str]] = CONDITION_FUNCTIONS
    grammar: ClassVar[str] = "a condition"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._group = _Group()
        self._outer: list[_Group] = []

    def parse(self) -> ConditionNode:
        """Return the tree of the whole text."""
        while True:
            self._open()
            term, ended = self._close(self._predicate(self.operand()))
            if ended:
                tree = self._complete(term)
                self.finish()
                return tree

    def _open(self) -> None:
        """Consume what may stand before an operand: NOT and opening parentheses."""
        while True:
            if self.accept("NOT"):
                self.count_operator()
                self._group.negations += 1
            elif self.accept("("):
                self._outer.append(self._group)
                self._group = _Group()
            else:
                return

    def _close(self, term: Operand | ConditionNode) -> tuple[Operand | ConditionNode, bool]:
        """Consume what may stand after a term: closing parentheses and a connective; tell whether the text ended."""
        was_group = False
        while self.kind == ")" and self._outer:
            if was_group and self._group.is_empty:
                self.note(problems.Problem(problems.REDUNDANT_PARENTHESES))
            if not self._group.is_empty:
                term = self._complete(term)
            self.advance()
            self._group = self._outer.pop()
            closed, term = term, self._predicate(term)
            was_group = term is closed
        if self.kind in _CONNECTIVES:
            self._connect(term)
            return term, False
        if self.kind != END or self._outer:
            self.fail()
        return term, True

    def _connect(self, term: Operand | ConditionNode) -> None:
        self._group.add_term(self._truth(term))
        self.count_operator()
        if self.advance().kind == "OR":
            self._group.end_alternative()

    def _complete(self, term: Operand | ConditionNode) -> ConditionNode:
        self._group.add_term(self._truth(term))
        return self._group.result()

    def _truth(self, term: Operand | ConditionNode) -> ConditionNode:
        if isinstance(term, Path | Value):
            self.fail()
        if isinstance(term, Function) and term.name == "size":
            self.note(problems.function_misused(term.name))
        return term

    def _predicate(self, left: Operand | ConditionNode) -> Operand | ConditionNode:
        """Parse what makes a condition of the operand before it, if anything does."""
        if not isinstance(left, Path | Value | Function):
            return left
        if self.kind in _COMPARATORS:
            self.count_operator()
            return Comparison(self.advance().kind, self._compared(left), self._right_operand())
        if self.accept("BETWEEN"):
            self.count_operator()
            low = self._right_operand()
            self.expect("AND")
            return Between(self._compared(left), low, self._right_operand())
        if self.accept("IN"):
            self.count_operator()
            return In(self._compared(left), self._options())
        return left

    def _options(self) -> tuple[Operand, ...]:
        self.expect("(")
        options = [self._right_operand()]
        while self.accept(","):
            options.append(self._right_operand())
        self.expect(")")
        if len(options) > limits.IN_OPERANDS:
            self.note(problems.too_many_options(len(options)))
        return tuple(options)

    def _right_operand(self) -> Operand:
        depth = 0
        while self.accept("("):
            depth += 1
        operand = self._compared(self.operand())
        for _ in range(depth):
            self.expect(")")
        if depth > 1:
            self.note(problems.Problem(problems.REDUNDANT_PARENTHESES))
        return operand

    def _compared(self, operand: Operand) -> Operand:
        if isinstance(operand, Function) and operand.name != "size":
            self.note(problems.function_misused(operand.name))
        return operand

    def argument(self) -> Operand:
        """Parse an argument; of functions only `size` is one, which is told by its type where a number is wrong."""
        return self._compared(super().argument())
