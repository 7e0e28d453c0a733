"""The parameters that came before expressions, turned into the same objects as expressions.

They speak of top-level attributes only. Each mapping has passed the structure check of the wire; its values are raw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from extenddb.core.errors import ServiceError, excerpt, validation
from extenddb.core.expressions import values
from extenddb.core.expressions.condition import Condition, condition_of
from extenddb.core.expressions.evaluate import check_bounds
from extenddb.core.expressions.key_condition import KeyCondition, KeyTerm
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
from extenddb.core.expressions.placeholders import Literals
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.projection import Projection
from extenddb.core.expressions.update import Change, Evaluate, Update, added, deleted
from extenddb.core.types.attribute import SET_TYPES, AttributeValue, check_names, normalize, type_of

_COMPARISONS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_KEY_OPERATORS = {
    "EQ": "=",
    "LE": "<=",
    "LT": "<",
    "GE": ">=",
    "GT": ">",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}
_ARGUMENT_COUNTS = {"NULL": (0, 0), "NOT_NULL": (0, 0), "BETWEEN": (2, 2), "IN": (1, None)}
_ONE_ARGUMENT = (1, 1)
_ARGUMENT_TYPES = {
    **dict.fromkeys(("LE", "LT", "GE", "GT", "BETWEEN", "IN", "CONTAINS", "NOT_CONTAINS"), values.ORDERED),
    "BEGINS_WITH": values.PREFIXED,
}
_ADDABLE = frozenset(("N", "SS", "NS", "BS", "L"))

NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"
MISMATCH = "Type mismatch for attribute to update"


def _invalid(text: str) -> ServiceError:
    return validation(f"One or more parameter values were invalid: {text}")


def attributes_to_get(names: Sequence[str]) -> Projection:
    """Return AttributesToGet as a projection; raises a ValidationException for a name given twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _invalid(f"Duplicate value in attribute name: {excerpt(name)}")
        seen.add(name)
    return Projection([(name,) for name in names])


def expected(conditions: Mapping[str, Mapping[str, Any]] | None, operator: str | None) -> Condition:
    """Return Expected and ConditionalOperator (AND, OR or None) as a condition.

    Raises a ValidationException for members that do not go together, or arguments an operator cannot take.
    """
    entries = []
    for name, entry in (conditions or {}).items():
        comparison, arguments = _expectation(name, entry)
        entries.append((name, comparison, _checked(comparison, arguments)))
    return _combined(entries, operator)


def filters(conditions: Mapping[str, Mapping[str, Any]] | None, operator: str | None) -> Condition:
    """Return QueryFilter or ScanFilter, and ConditionalOperator (AND, OR or None), as a condition.

    Raises a ValidationException for arguments an operator cannot take.
    """
    entries = []
    for name, entry in (conditions or {}).items():
        comparison = entry["ComparisonOperator"]
        entries.append((name, comparison, _checked(comparison, entry.get("AttributeValueList", ()))))
    return _combined(entries, operator)


def key_conditions(conditions: Mapping[str, Mapping[str, Any]]) -> KeyCondition:
    """Return KeyConditions as a key condition; raises a ValidationException for operators keys do not have."""
    terms = []
    for name, entry in conditions.items():
        comparison = entry["ComparisonOperator"]
        arguments = _checked(comparison, entry.get("AttributeValueList", ()))
        if comparison not in _KEY_OPERATORS:
            raise validation(NOT_INDEXABLE)
        terms.append(KeyTerm(name=name, operator=_KEY_OPERATORS[comparison], values=tuple(arguments)))
    return KeyCondition(terms=tuple(terms))


def _expectation(name: str, entry: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
    """Return the operator and raw arguments of one entry of Expected."""
    has_value, has_list = "Value" in entry, "AttributeValueList" in entry
    if has_value and has_list:
        raise _invalid(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    if "ComparisonOperator" in entry:
        return _comparison_expectation(name, entry)
    if has_list:
        raise _invalid(f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}")
    exists = entry.get("Exists")
    if exists is False:
        if has_value:
            raise _invalid(f"Value cannot be used when Exists is false for Attribute: {name}")
        return "NULL", ()
    if not has_value:
        given = "null" if exists is None else "true"
        raise _invalid(f"Value must be provided when Exists is {given} for Attribute: {name}")
    return "EQ", (entry["Value"],)


def _comparison_expectation(name: str, entry: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
    comparison = entry["ComparisonOperator"]
    if "Exists" in entry:
        raise _invalid(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
    if "Value" in entry:
        return comparison, (entry["Value"],)
    if "AttributeValueList" in entry:
        return comparison, entry["AttributeValueList"]
    if comparison not in ("NULL", "NOT_NULL"):
        raise _invalid(
            f"Value or AttributeValueList must be used with ComparisonOperator: {comparison} for Attribute: {name}"
        )
    return comparison, ()


def _checked(comparison: str, arguments: Sequence[Any]) -> list[AttributeValue]:
    """Return the arguments of an operator in normal form."""
    least, most = _ARGUMENT_COUNTS.get(comparison, _ONE_ARGUMENT)
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise _invalid(f"Invalid number of argument(s) for the {comparison} ComparisonOperator")
    checked = [normalize(argument) for argument in arguments]
    kinds = [type_of(argument) for argument in checked]
    allowed = _ARGUMENT_TYPES.get(comparison)
    for kind in kinds:
        if allowed is not None and kind not in allowed:
            raise _invalid(f"ComparisonOperator {comparison} is not valid for {kind} AttributeValue type")
    if len(set(kinds)) > 1:
        raise _invalid("AttributeValues inside AttributeValueList must be of same type")
    if comparison == "BETWEEN":
        _check_bounds(*checked)
    return checked


def _check_bounds(low: AttributeValue, high: AttributeValue) -> None:
    try:
        check_bounds(low, high)
    except Problem:
        raise _invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        ) from None


def _combined(entries: Sequence[tuple[str, str, list[AttributeValue]]], operator: str | None) -> Condition:
    if operator is not None and len(entries) < 2:
        raise validation(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
            if entries
            else "ConditionalOperator cannot be used without Filter or Expected"
        )
    if not entries:
        return Condition(lambda _item: True, ())
    names: dict[str, str] = {}
    literals: dict[str, AttributeValue] = {}
    terms = []
    for position, (name, comparison, arguments) in enumerate(entries):
        names[f"#{position}"] = name
        symbols = [f":{position}_{index}" for index in range(len(arguments))]
        literals.update(zip(symbols, arguments, strict=True))
        terms.append(_tree(comparison, Path((f"#{position}",)), [Value(symbol) for symbol in symbols]))
    tree = terms[0] if len(terms) == 1 else Or(tuple(terms)) if operator == "OR" else And(tuple(terms))
    return condition_of(tree, Literals(names, literals))


def _tree(comparison: str, path: Path, arguments: Sequence[Operand]) -> ConditionNode:
    if comparison in _COMPARISONS:
        return Comparison(_COMPARISONS[comparison], path, arguments[0])
    if comparison == "BETWEEN":
        return Between(path, arguments[0], arguments[1])
    if comparison == "IN":
        return In(path, tuple(arguments))
    if comparison == "NOT_CONTAINS":
        return Not(Function("contains", (path, arguments[0])))
    functions = {
        "NULL": "attribute_not_exists",
        "NOT_NULL": "attribute_exists",
        "CONTAINS": "contains",
        "BEGINS_WITH": "begins_with",
    }
    return Function(functions[comparison], (path, *arguments))


def attribute_updates(updates: Mapping[str, Mapping[str, Any]]) -> Update:
    """Return AttributeUpdates as an update; raises a ValidationException for values an action cannot take.

    PUT is the default action. ADD also takes a list here, which is appended.
    """
    assigned: list[tuple[tuple[str | int, ...], Evaluate]] = []
    removed: list[tuple[str | int, ...]] = []
    changed: list[tuple[tuple[str | int, ...], Change]] = []
    check_names(updates)
    for name, entry in updates.items():
        path = (name,)
        action = entry.get("Action", "PUT")
        if "Value" not in entry:
            if action != "DELETE":
                raise _invalid("Only DELETE action is allowed when no attribute value is specified")
            removed.append(path)
            continue
        value = normalize(entry["Value"])
        if action == "PUT":
            assigned.append((path, partial(_constant, value)))
        else:
            changed.append((path, _change(action, value)))
    return Update(assigned=assigned, removed=removed, changed=changed, paths=[(name,) for name in updates])


def _constant(value: AttributeValue, _item: object) -> AttributeValue:
    return value


def _change(action: str, value: AttributeValue) -> Change:
    kind = type_of(value)
    if action == "DELETE":
        if kind not in SET_TYPES:
            raise _invalid(f"DELETE action with value is not supported for the type {kind}")
        return lambda old: deleted(old, value, MISMATCH)
    if kind not in _ADDABLE:
        raise _invalid(f"ADD action is not supported for the type {kind}")
    if kind == "L":
        return lambda old: _appended(old, value)
    return lambda old: added(old, value, MISMATCH)


def _appended(old: AttributeValue | None, value: AttributeValue) -> AttributeValue:
    if old is None:
        return value
    if "L" not in old:
        raise validation(MISMATCH)
    return {"L": old["L"] + value["L"]}
