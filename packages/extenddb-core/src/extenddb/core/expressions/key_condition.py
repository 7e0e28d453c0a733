"""Key conditions: the grammar of conditions, of which only a chain of AND over key comparisons is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extenddb.core.errors import ServiceError, validation
from extenddb.core.expressions import problems, values
from extenddb.core.expressions.condition_parser import parse_condition
from extenddb.core.expressions.evaluate import check_bounds
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
from extenddb.core.expressions.placeholders import Placeholders, Scope
from extenddb.core.expressions.problems import Problem
from extenddb.core.types.attribute import AttributeValue, type_of

NOT_SUPPORTED = "Query key condition not supported"
TYPE_MISMATCH = "One or more parameter values were invalid: Condition parameter type does not match schema type"
TOO_MANY = "Conditions can be of length 1 or 2 only"

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerm:
    """One comparison of a key attribute."""

    name: str
    """The attribute."""
    operator: str
    """One of `= < <= > >= BETWEEN begins_with`."""
    values: tuple[AttributeValue, ...]
    """Two for BETWEEN, else one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCondition:
    """Comparisons that must all hold, no two of the same attribute."""

    terms: tuple[KeyTerm, ...]
    """In the order of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """A key condition seen through a key schema: one partition, and a range of its sort keys."""

    partition: tuple[AttributeValue, ...]
    """A value for each partition key attribute, in the order of the schema."""
    sort_equals: tuple[AttributeValue, ...] = ()
    """Values of the leading sort key attributes that are compared with `=`."""
    operator: str | None = None
    """How the sort key attribute after those is compared: `< <= > >= BETWEEN begins_with`; None if it is not."""
    values: tuple[AttributeValue, ...] = ()
    """What it is compared with: two for BETWEEN, none without an operator, else one."""


def bind_key_condition(
    text: str, placeholders: Placeholders, *, member: str = "KeyConditionExpression"
) -> KeyCondition:
    """Return the key condition a text means; raises a ValidationException for everything wrong with it."""
    try:
        return key_condition_of(parse_condition(text), placeholders)
    except Problem as problem:
        raise problem.as_error(member) from None


def key_condition_of(tree: ConditionNode, scope: Scope) -> KeyCondition:
    """Return a tree bound in a scope; raises `Problem`."""
    terms = tuple([_term(node, scope) for node in _chain(tree)])
    if len({term.name for term in terms}) < len(terms):
        raise problems.key_problem(problems.ONE_PER_KEY)
    return KeyCondition(terms=terms)


def _chain(tree: ConditionNode) -> list[ConditionNode]:
    """Return the terms of nested ANDs, left to right."""
    waiting = [tree]
    terms: list[ConditionNode] = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, And):
            waiting.extend(reversed(node.terms))
        else:
            terms.append(node)
    return terms


def _term(node: ConditionNode, scope: Scope) -> KeyTerm:
    if isinstance(node, Comparison) and node.operator in _MIRRORED:
        return _comparison(node, scope)
    if isinstance(node, Between):
        return _between(node, scope)
    if isinstance(node, Function) and node.name == "begins_with":
        return _begins_with(node, scope)
    raise problems.key_operator(_operator_name(node))


def _operator_name(node: ConditionNode) -> str:
    if isinstance(node, Comparison):
        return node.operator
    if isinstance(node, Function):
        return node.name
    names: dict[type, str] = {Or: "OR", Not: "NOT", In: "IN"}
    return names[type(node)]


def _comparison(node: Comparison, scope: Scope) -> KeyTerm:
    left, right, operator = node.left, node.right, node.operator
    if not isinstance(left, Path) and isinstance(right, Path):
        left, right, operator = right, left, _MIRRORED[operator]
    name, (value,) = _split(node.operator, scope, left, right)
    if operator != "=":
        _check_kind(operator, value, values.ORDERED)
    return KeyTerm(name=name, operator=operator, values=(value,))


def _between(node: Between, scope: Scope) -> KeyTerm:
    name, bounds = _split("BETWEEN", scope, node.operand, node.low, node.high)
    for bound in bounds:
        _check_kind("BETWEEN", bound, values.ORDERED)
    check_bounds(*bounds)
    return KeyTerm(name=name, operator="BETWEEN", values=bounds)


def _begins_with(node: Function, scope: Scope) -> KeyTerm:
    name, prefix = _split("begins_with", scope, *node.arguments)
    _check_kind("begins_with", prefix[0], values.PREFIXED)
    return KeyTerm(name=name, operator="begins_with", values=prefix)


def _split(operator: str, scope: Scope, first: Operand, *others: Operand) -> tuple[str, tuple[AttributeValue, ...]]:
    """Return the attribute name the first operand is and the values the others are."""
    operands = (first, *others)
    if any(isinstance(operand, Function) for operand in operands):
        raise problems.key_problem(problems.NESTED_OPERATION)
    paths = [operand for operand in operands if isinstance(operand, Path)]
    if not paths:
        raise problems.key_condition("No key attribute specified")
    if len(paths) > 1:
        raise problems.key_condition("Multiple attribute names used in one condition")
    if not isinstance(first, Path):
        raise problems.key_condition(f"{operator} operator must have the key attribute as its first operand")
    if len(first.parts) > 1:
        raise problems.key_problem(problems.NESTED_KEY)
    name = scope.name(str(first.parts[0]))
    return name, tuple([scope.value(other.symbol) for other in others if isinstance(other, Value)])


def _check_kind(operator: str, value: AttributeValue, allowed: frozenset[str]) -> None:
    kind = type_of(value)
    if kind not in allowed:
        raise problems.operand_type(operator, kind)


def match_key_schema(
    condition: KeyCondition,
    hash_names: Sequence[str],
    range_names: Sequence[str],
    types: Mapping[str, str],
) -> KeyRange:
    """Return the condition as a range of a key schema.

    `types` are the key attributes' types (S, N or B) by name. Every partition key attribute must be compared with `=`;
    sort key attributes from the left with `=`, the last of those compared with any operator. Raises a
    ValidationException if the schema does not allow the condition.
    """
    terms = {term.name: term for term in condition.terms}
    count = len(hash_names) + len(range_names)
    if not terms or len(terms) > max(count, 2):
        raise validation(TOO_MANY)
    _check_hash(terms, hash_names)
    sort_terms = _sort_terms(terms, hash_names, range_names)
    for name in (*hash_names, *(term.name for term in sort_terms)):
        _check_values(terms[name], types[name])
    partition = tuple([terms[name].values[0] for name in hash_names])
    equals = [term.values[0] for term in sort_terms if term.operator == "="]
    if len(equals) == len(sort_terms):
        return KeyRange(partition=partition, sort_equals=tuple(equals))
    last = sort_terms[-1]
    return KeyRange(partition=partition, sort_equals=tuple(equals), operator=last.operator, values=last.values)


def _check_hash(terms: Mapping[str, KeyTerm], hash_names: Sequence[str]) -> None:
    for name in hash_names:
        if name not in terms:
            raise _missed(name)
    if any(terms[name].operator != "=" for name in hash_names):
        raise validation(NOT_SUPPORTED)


def _sort_terms(terms: Mapping[str, KeyTerm], hash_names: Sequence[str], range_names: Sequence[str]) -> list[KeyTerm]:
    count = len(terms) - len(hash_names)
    if count > len(range_names):
        raise validation(NOT_SUPPORTED)
    for name in range_names[:count]:
        if name not in terms:
            raise _missed(name)
    found = [terms[name] for name in range_names[:count]]
    if any(term.operator != "=" for term in found[:-1]):
        raise validation(NOT_SUPPORTED)
    return found


def _missed(name: str) -> ServiceError:
    return validation(f"Query condition missed key schema element: {name}")


_EMPTY = {"S": "string", "B": "binary"}


def _check_values(term: KeyTerm, kind: str) -> None:
    for value in term.values:
        if kind not in value:
            raise validation(TYPE_MISMATCH)
        if not value[kind]:
            raise validation(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                f"an empty {_EMPTY[kind]} value. Key: {term.name}"
            )
