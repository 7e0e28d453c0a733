"""How a statement's WHERE clause reaches its items: by keys, by ranges of partitions, or not at all. Pure.

A statement that names its partition keys is never answered by a scan. The whole clause stays the filter unless the keys
found say all of it, so what is read may be more than what is asked for, and never less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from extenddb.core.errors import validation
from extenddb.core.expressions import KeyCondition, KeyRange, KeyTerm, match_key_schema
from extenddb.core.expressions.key_condition import key_condition_of
from extenddb.core.expressions.nodes import And, ConditionNode, In, Or, Path, Value
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.values import order_key
from extenddb.core.partiql import Values
from extenddb.core.types.attribute import AttributeValue, Item
from extenddb.core.types.table import KeySchema

HASH_VALUES = 50
"""Most partition key values of one statement (developer guide, PartiQL operators, IN)."""
NO_FULL_KEY = "Where clause does not contain a mandatory equality on all key attributes"
TOO_MANY = f"The IN operator is provided with too many values of the partition key; at most {HASH_VALUES} are allowed"

_Terms: TypeAlias = Sequence[tuple[ConditionNode, KeyTerm]]
_Distinct: TypeAlias = dict[str, AttributeValue]
"""Values in the order of the text, by their texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The parts of a table or index that hold everything a clause can be true for."""

    ranges: tuple[KeyRange, ...] | None
    """Ranges that do not overlap, partitions in the order of the text; None when only a scan finds the items."""
    exact: bool
    """The ranges say all that the clause says: no filter is needed."""
    several: bool
    """The clause names its keys by IN or OR."""

    def names_items(self, schema: KeySchema) -> bool:
        """Tell whether every range is a single key."""
        return self.ranges is not None and all(len(each.sort_equals) == len(schema.range) for each in self.ranges)


SCAN = Access(ranges=None, exact=False, several=False)


def access_of(where: ConditionNode | None, values: Values, schema: KeySchema) -> Access:
    """Return how to reach the items; raises a ValidationException for key values of the wrong type."""
    if where is None:
        return SCAN
    conditions = conjuncts(where)
    terms = _key_terms(conditions, values)
    found = _partitions(where, terms, values, schema)
    if found is None:
        return SCAN
    partitions, hash_nodes = found
    if len(partitions) > HASH_VALUES:
        raise validation(TOO_MANY)
    sort_terms = _sort_terms(terms, schema)
    used = hash_nodes + [node for node, _ in sort_terms]
    leading = [term for _, term in sort_terms]
    choices = [leading]
    listed = _sort_list(conditions, leading, values, schema)
    if listed is not None and len(partitions) * len(listed[1]) <= HASH_VALUES:
        used.append(listed[0])
        choices = [[*leading, term] for term in listed[1]]
    return Access(
        ranges=tuple(_range(schema, partition, choice) for partition in partitions for choice in choices),
        exact=all(any(node is each for each in used) for node in conditions),
        several=len(hash_nodes) != len(schema.hash) or any(isinstance(node, In) for node in used),
    )


def conjuncts(where: ConditionNode) -> tuple[ConditionNode, ...]:
    """Return the conditions that must all hold."""
    return where.terms if isinstance(where, And) else (where,)


def require_key(
    where: ConditionNode | None, values: Values, schema: KeySchema, no_key: str = NO_FULL_KEY
) -> tuple[Item, bool]:
    """Return the one key a clause names, and whether it says nothing else.

    Raises a ValidationException with the text `no_key` when it names none.
    """
    conditions = conjuncts(where) if where is not None else ()
    key: Item = {}
    for _, term in _key_terms(conditions, values):
        if term.operator == "=" and term.name in schema.names:
            key.setdefault(term.name, term.values[0])
    if len(key) != len(schema.names):
        raise validation(no_key)
    return key, len(conditions) == len(key)


def _key_terms(conditions: Sequence[ConditionNode], values: Values) -> _Terms:
    """Return the conditions that a key condition could have; the others are left to the filter."""
    found = []
    for node in conditions:
        try:
            found.append((node, key_condition_of(node, values).terms[0]))
        except Problem:
            continue
    return found


def _partitions(
    where: ConditionNode, terms: _Terms, values: Values, schema: KeySchema
) -> tuple[list[tuple[AttributeValue, ...]], list[ConditionNode]] | None:
    """Return the partition keys the clause is confined to, and the conditions that say so and nothing else."""
    equal = {term.name: (node, term.values[0]) for node, term in reversed(terms) if term.operator == "="}
    if all(name in equal for name in schema.hash):
        return [tuple(equal[name][1] for name in schema.hash)], [equal[name][0] for name in schema.hash]
    if len(schema.hash) > 1:
        return None
    implied = _implied(where, schema.hash[0], values)
    if implied is None:
        return None
    lists = [node for node in conjuncts(where) if _listed(node, schema.hash[0], values) == implied]
    return [(value,) for value in implied.values()], lists[:1]


def _implied(node: ConditionNode, name: str, values: Values) -> _Distinct | None:
    """Return values of which the attribute must have one where the condition holds; None when it may have any."""
    if isinstance(node, And):
        found = [each for term in node.terms if (each := _implied(term, name, values)) is not None]
        return min(found, key=len, default=None)
    if isinstance(node, Or):
        union: _Distinct = {}
        for term in node.terms:
            each = _implied(term, name, values)
            if each is None:
                return None
            union.update(each)
        return union
    if isinstance(node, In):
        return _listed(node, name, values)
    terms = _key_terms([node], values)
    if terms and terms[0][1].name == name and terms[0][1].operator == "=":
        return _distinct(terms[0][1].values)
    return None


def _listed(node: ConditionNode, name: str, values: Values) -> _Distinct | None:
    """Return the distinct values of an IN over the attribute; None for any other condition."""
    if not isinstance(node, In) or node.operand != Path((name,)):
        return None
    symbols = [option.symbol for option in node.options if isinstance(option, Value)]
    return _distinct(map(values.value, symbols)) if len(symbols) == len(node.options) else None


def _distinct(values: Iterable[AttributeValue]) -> _Distinct:
    return {str(value): value for value in values}


def _sort_terms(terms: _Terms, schema: KeySchema) -> _Terms:
    """Return conditions for leading sort key attributes: equalities, and behind them one of any other operator."""
    found = []
    for name in schema.range:
        of_name = sorted(
            [each for each in terms if each[1].name == name], key=lambda each: _PREFERENCE.get(each[1].operator, 2)
        )
        if not of_name:
            break
        found.append(of_name[0])
        if of_name[0][1].operator != "=":
            break
    return found


def _sort_list(
    conditions: Sequence[ConditionNode], leading: Sequence[KeyTerm], values: Values, schema: KeySchema
) -> tuple[ConditionNode, list[KeyTerm]] | None:
    """Return an IN over the sort key attribute behind the leading ones, as equalities in the order of the values."""
    if len(leading) == len(schema.range) or any(term.operator != "=" for term in leading):
        return None
    name = schema.range[len(leading)]
    for node in conditions:
        listed = _listed(node, name, values)
        if listed is not None and all(schema.types[name] in value for value in listed.values()):
            in_order = sorted(listed.values(), key=lambda value: order_key(value) or ("", 0))
            return node, [KeyTerm(name=name, operator="=", values=(value,)) for value in in_order]
    return None


_PREFERENCE: Mapping[str, int] = {"=": 0, "BETWEEN": 1, "begins_with": 1}


def _range(schema: KeySchema, partition: tuple[AttributeValue, ...], sort_terms: Sequence[KeyTerm]) -> KeyRange:
    hash_terms = [
        KeyTerm(name=name, operator="=", values=(value,)) for name, value in zip(schema.hash, partition, strict=True)
    ]
    condition = KeyCondition(terms=(*hash_terms, *sort_terms))
    return match_key_schema(condition, schema.hash, schema.range, schema.types)
