"""What expressions are made of while their meaning is still open, and the meaning that operators and calls give them.

The language lets nearly everything stand nearly everywhere. What no statement may say becomes `Odd` and stays so up to
the end of the text: a text that is also malformed is answered as malformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

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
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql.errors import Place, unrecognized_function, unsupported, unsupported_token
from extenddb.core.partiql.nodes import ListOf, Literal, MapOf, Parameter, Scalar, SetOf


@dataclass(frozen=True, slots=True)
class Odd:
    """Well formed, but not supported."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    """In small letters."""
    arguments: tuple[Term, ...]
    place: Place
    """Of the name."""
    text: str = ""
    """The name as written."""
    first: Place | None = None
    """Of the first argument."""


@dataclass(frozen=True, slots=True)
class Several:
    """A list whose members are not all literals."""

    members: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum or difference."""

    operator: str
    """`+` or `-`."""
    left: Term
    right: Term


Term: TypeAlias = Path | Literal | Call | Several | Sum | ConditionNode | Odd
"""An expression, or a part of one."""

LITERAL = (Scalar, Parameter, ListOf, SetOf, MapOf)
"""The classes of literals, for isinstance."""
_CONDITION = (Comparison, Between, In, Function, Not, And, Or)
_COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
_ARGUMENTS: Mapping[str, int] = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
_PATH_FUNCTIONS = frozenset(("attribute_exists", "attribute_not_exists"))

IS_TYPES: Mapping[str, tuple[str, ...]] = {
    "null": ("NULL",),
    "boolean": ("BOOL",),
    "bool": ("BOOL",),
    "string": ("S",),
    "numeric": ("N",),
    "decimal": ("N",),
    "dec": ("N",),
    "blob": ("B",),
    "list": ("L",),
    "struct": ("M",),
    "tuple": ("M",),
    "bag": ("SS", "NS", "BS"),
}
"""The types of attributes that IS asks for by the language's names."""


class Meanings:
    """Gives terms their meaning as conditions and operands, and numbers the literals that it meets."""

    def __init__(self) -> None:
        self.literals: list[Literal] = []
        """Literals met so far; those within others are not counted."""
        self.set_arguments: dict[str, str] = {}
        """See `Parsed.set_arguments`."""

    def operand(self, term: Term, place: Place) -> Operand | Odd:
        """Return a term as an operand of a condition."""
        if isinstance(term, Path | Odd):
            return term
        if isinstance(term, LITERAL):
            return self.value(term)
        if isinstance(term, Call):
            return _size(term)
        return Odd(problems.function_misused(term.name) if isinstance(term, Function) else unsupported_token(place))

    def value(self, literal: Literal) -> Value:
        """Return the symbol of a literal."""
        self.literals.append(literal)
        return Value(f":{len(self.literals) - 1}")

    def condition(self, term: Term, place: Place) -> ConditionNode | Odd:
        """Return a term as a condition."""
        if isinstance(term, Call):
            if term.name in _ARGUMENTS:
                return Odd(problems.function_misused(term.name))
            return Odd(unrecognized_function(term.text, term.place))
        if isinstance(term, _CONDITION):
            return term
        return term if isinstance(term, Odd) else Odd(unsupported_token(place))

    def call(self, call: Call) -> Term:
        """Return a call that is a condition as one; what others mean depends on where they stand."""
        if call.name not in _ARGUMENTS or call.name == "size":
            return call
        if len(call.arguments) != _ARGUMENTS[call.name]:
            return Odd(problems.operand_count(call.name, len(call.arguments)))
        arguments: list[Operand] = []
        for each in call.arguments:
            if isinstance(each, Call):
                return Odd(problems.function_misused(each.name))
            if call.name in _PATH_FUNCTIONS and not isinstance(each, Path | Odd):
                return Odd(problems.path_required(call.name))
            argument = self.operand(each, call.place)
            if isinstance(argument, Odd):
                return argument
            arguments.append(argument)
        return Function(call.name, tuple(arguments))

    def infix(self, operator: str, left: Term, right: Term, place: Place) -> Term:
        """Return what an operator between two terms means."""
        if operator in ("and", "or"):
            return self._join(And if operator == "and" else Or, left, right, place)
        if operator in ("=", "<>") and (truth := _compared_with_truth(operator, left, right)) is not None:
            return truth
        if operator in _COMPARATORS:
            operands = self._operands((left, right), place)
            return operands if isinstance(operands, Odd) else Comparison(operator, *operands)
        if operator in ("in", "not_in"):
            return negated(operator, self._membership(left, right, place))
        if operator in ("+", "-"):
            return _first_odd((left, right)) or Sum(operator, left, right)
        return Odd(unsupported_token(place))

    def _join(self, kind: type[And | Or], left: Term, right: Term, place: Place) -> ConditionNode | Odd:
        flat: list[ConditionNode] = []
        for term in (left, right):
            node = self.condition(term, place)
            if isinstance(node, Odd):
                return node
            if isinstance(node, And | Or) and isinstance(node, kind):
                flat.extend(node.terms)
            else:
                flat.append(node)
        return kind(tuple(flat))

    def _operands(self, terms: tuple[Term, ...], place: Place) -> list[Operand] | Odd:
        operands: list[Operand] = []
        for term in terms:
            operand = self.operand(term, place)
            if isinstance(operand, Odd):
                return operand
            operands.append(operand)
        return operands

    def _membership(self, left: Term, right: Term, place: Place) -> ConditionNode | Odd:
        if not isinstance(right, ListOf | Several):
            return right if isinstance(right, Odd) else Odd(unsupported_token(place))
        if len(right.members) > limits.IN_OPERANDS:
            return Odd(problems.too_many_options(len(right.members)))
        operands = self._operands((left, *right.members), place)
        if isinstance(operands, Odd):
            return operands
        return In(operands[0], tuple(operands[1:])) if len(operands) > 1 else Odd(unsupported_token(place))

    def between(self, operator: str, terms: tuple[Term, Term, Term], place: Place) -> ConditionNode | Odd:
        """Return what BETWEEN, or its negation, means."""
        operands = self._operands(terms, place)
        return operands if isinstance(operands, Odd) else negated(operator, Between(*operands))

    def negation(self, term: Term, place: Place) -> ConditionNode | Odd:
        """Return what NOT means."""
        node = self.condition(term, place)
        return node if isinstance(node, Odd) else Not(node)

    def is_type(self, operator: str, term: Term, name: str, place: Place) -> ConditionNode | Odd:
        """Return what IS and IS NOT mean; NULL is the value of that type, not an absent attribute."""
        if not isinstance(term, Path):
            return term if isinstance(term, Odd) else Odd(unsupported_token(place))
        if name == "missing":
            return Function("attribute_exists" if operator == "is_not" else "attribute_not_exists", (term,))
        if name not in IS_TYPES:
            return Odd(unsupported_token(place))
        tests = tuple(Function("attribute_type", (term, self.value(Scalar("S", each)))) for each in IS_TYPES[name])
        return negated(operator, tests[0] if len(tests) == 1 else Or(tests))


def _compared_with_truth(operator: str, left: Term, right: Term) -> ConditionNode | None:
    """Return `f(a) = true` and its like as the condition that the function is; None for any other comparison."""
    if isinstance(left, Scalar):
        left, right = right, left
    if not (isinstance(left, Function) and isinstance(right, Scalar) and right.kind == "BOOL"):
        return None
    return left if (operator == "=") == right.content else Not(left)


def negated(operator: str, node: ConditionNode | Odd) -> ConditionNode | Odd:
    """Return the opposite for an operator with NOT in it."""
    return Not(node) if "not" in operator and not isinstance(node, Odd) else node


def _size(call: Call) -> Operand | Odd:
    if call.name != "size":
        return Odd(unrecognized_function(call.text, call.place))
    if len(call.arguments) != 1:
        return Odd(problems.operand_count(call.name, len(call.arguments)))
    (argument,) = call.arguments
    return Function("size", (argument,)) if isinstance(argument, Path) else Odd(problems.path_required(call.name))


def _first_odd(terms: Iterable[Term]) -> Odd | None:
    return next((term for term in terms if isinstance(term, Odd)), None)


def signed(operator: str, term: Term, place: Place) -> Term:
    """Return a number with its sign; nothing else can have one."""
    if not isinstance(term, Scalar) or term.kind != "N":
        return term if isinstance(term, Odd) else Odd(unsupported_token(place))
    content = str(term.content)
    if operator == "+":
        return term
    return Scalar("N", content[1:] if content.startswith("-") else f"-{content}")


def list_of(members: Sequence[Term]) -> Term:
    """Return a list."""
    return _first_odd(members) or _container(members, ListOf) or Several(tuple(members))


def set_of(members: Sequence[Term], place: Place) -> Term:
    """Return a set."""
    return _first_odd(members) or _container(members, SetOf) or Odd(unsupported_token(place))


def _container(members: Sequence[Term], kind: Callable[[tuple[Literal, ...]], ListOf | SetOf]) -> ListOf | SetOf | None:
    literals = tuple([member for member in members if isinstance(member, LITERAL)])
    return kind(literals) if len(literals) == len(members) else None


def map_of(members: Sequence[Term], place: Place) -> Term:
    """Return a map, given its names and values in turn."""
    pairs: dict[str, Literal] = {}
    for name, value in zip(members[::2], members[1::2], strict=True):
        if not isinstance(name, Scalar) or name.kind != "S" or not isinstance(value, LITERAL):
            return _first_odd(members) or Odd(unsupported_token(place))
        if str(name.content) in pairs:
            return Odd(unsupported(f"Duplicate attribute name in a map at {place}"))
        pairs[str(name.content)] = value
    return MapOf(tuple(pairs.items()))
