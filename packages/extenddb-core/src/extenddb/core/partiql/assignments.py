"""What SET assigns: values, sums, appended lists, and elements added to and taken from sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import Action, Add, Arithmetic, Function, Operand, Path, Set, Value
from extenddb.core.expressions.nodes import Delete as DeleteElements
from extenddb.core.partiql.errors import (
    Place,
    other_first_argument,
    second_argument_not_a_set,
    unrecognized_function,
    unsupported_token,
)
from extenddb.core.partiql.nodes import Parameter, SetOf
from extenddb.core.partiql.operands import LITERAL, Call, Meanings, Odd, Sum, Term

_SET_FUNCTIONS: Mapping[str, Callable[[Path, Value], Action]] = {"set_add": Add, "set_delete": DeleteElements}


def assignment(meanings: Meanings, path: Path, term: Term, place: Place) -> Action | Odd:
    """Return what `SET path = term` does."""
    if isinstance(term, Call) and term.name in _SET_FUNCTIONS:
        return _elements(meanings, path, term, place)
    if not isinstance(term, Sum):
        value = _assigned(meanings, term, place)
        return value if isinstance(value, Odd) else Set(path, value)
    left, right = (_assigned(meanings, each, place) for each in (term.left, term.right))
    for each in (left, right):
        if isinstance(each, Odd):
            return each
    assert not isinstance(left, Odd) and not isinstance(right, Odd)  # noqa: S101, PT018  (they have been returned)
    return Set(path, Arithmetic(term.operator, left, right))


def _assigned(meanings: Meanings, term: Term, place: Place) -> Operand | Odd:
    if isinstance(term, Call):
        return _list_append(meanings, term, place)
    if isinstance(term, LITERAL):
        return meanings.value(term)
    if isinstance(term, Function):
        return Odd(unrecognized_function(term.name, place))
    return term if isinstance(term, Path | Odd) else Odd(unsupported_token(place))


def _list_append(meanings: Meanings, call: Call, place: Place) -> Function | Odd:
    if call.name != "list_append":
        return Odd(unrecognized_function(call.text, call.place))
    if len(call.arguments) != 2:
        return Odd(problems.operand_count(call.name, len(call.arguments)))
    arguments: list[Operand] = []
    for each in call.arguments:
        if isinstance(each, Call):
            return Odd(problems.function_misused(each.name))
        argument = _assigned(meanings, each, place)
        if isinstance(argument, Odd):
            return argument
        arguments.append(argument)
    return Function(call.name, tuple(arguments))


def _elements(meanings: Meanings, path: Path, call: Call, place: Place) -> Action | Odd:
    """Return `a = set_add(a, value)` as the ADD, and set_delete as the DELETE, of update expressions."""
    if len(call.arguments) != 2:
        return Odd(problems.operand_count(call.name, len(call.arguments)))
    target, value = call.arguments
    if isinstance(value, Odd):
        return value
    if target != path:
        return Odd(other_first_argument(call.name, call.place))
    if not isinstance(value, LITERAL):
        return Odd(unsupported_token(place))
    if not isinstance(value, SetOf | Parameter):
        return Odd(second_argument_not_a_set(call.name, call.first or call.place))
    symbol = meanings.value(value)
    if isinstance(value, Parameter):
        meanings.set_arguments[symbol.symbol] = str(call.first)
    return _SET_FUNCTIONS[call.name](path, symbol)
