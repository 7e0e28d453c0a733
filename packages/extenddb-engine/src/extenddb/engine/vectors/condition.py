"""SearchConditionExpression: equalities on attributes of a vector index's search schema."""

from __future__ import annotations

from collections.abc import Iterator

from extenddb.core.errors import ServiceError, validation
from extenddb.core.expressions import Placeholders
from extenddb.core.expressions.condition_parser import parse_condition
from extenddb.core.expressions.nodes import And, Comparison, ConditionNode, Path, Value
from extenddb.core.expressions.paths import resolve
from extenddb.core.expressions.problems import Problem
from extenddb.core.types.attribute import AttributeValue, Item, type_of
from extenddb.core.types.table import VectorDefinition
from extenddb.engine.vectors.entries import label

MEMBER = "SearchConditionExpression"
COMPARATOR = "Invalid comparator used in SearchConditionExpression"
NO_HASH = "SearchConditionExpression must be provided when SearchSchema has a HASH key"


def bind(text: str, placeholders: Placeholders) -> Item:
    """Return the values asked for by attribute. Raises ValidationException for anything but distinct equalities."""
    values: Item = {}
    try:
        for name, value in _terms(parse_condition(text), placeholders):
            if name in values:
                raise Problem(f"The attribute stands in more than one condition; attribute: {name}")
            values[name] = value
    except Problem as problem:
        raise problem.as_error(MEMBER) from None
    return values


def _terms(node: ConditionNode, placeholders: Placeholders) -> Iterator[tuple[str, AttributeValue]]:
    if isinstance(node, And):
        for term in node.terms:
            yield from _terms(term, placeholders)
        return
    if not isinstance(node, Comparison) or node.operator != "=":
        raise Problem(COMPARATOR)
    path, value = node.left, node.right
    if isinstance(path, Value):
        path, value = value, path
    if not isinstance(path, Path) or not isinstance(value, Value):
        raise Problem("A condition must compare an attribute with a value")
    resolved = resolve(path, placeholders)
    if len(resolved) != 1:
        raise Problem("Only top-level attributes can be used")
    yield str(resolved[0]), placeholders.value(value.symbol)


def labels(index: VectorDefinition, values: Item) -> tuple[bytes, ...]:
    """Return the labels of the entries that a condition asks for. Raises ValidationException."""
    types = {**index.schema.types, **index.filters}
    for name, value in values.items():
        if name not in types:
            raise _refused(f"The attribute is not defined in the SearchSchema of the index; attribute: {name}")
        if type_of(value) != types[name]:
            raise _refused("Condition parameter type does not match schema type")
    if not set(index.schema.hash) <= values.keys():
        raise validation(NO_HASH)
    return tuple(label(name, value) for name, value in values.items())


def _refused(text: str) -> ServiceError:
    return validation(f"Invalid {MEMBER}: {text}")
