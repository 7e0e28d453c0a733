"""FilterSpecification of an export: which items it holds, and what of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extenddb.core.expressions import (
    Condition,
    Placeholders,
    Projection,
    bind_condition,
    bind_key_condition,
    bind_projection,
    match_key_schema,
)
from extenddb.core.types.attribute import Item
from extenddb.engine.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What an export takes of a table."""

    conditions: tuple[Condition, ...] = ()
    """All must hold."""
    projection: Projection | None = None

    @property
    def takes_all(self) -> bool:
        """Whether every item is taken as it is."""
        return not self.conditions and self.projection is None

    def matches(self, item: Item) -> bool:
        """Tell whether an item is taken."""
        return all(condition.matches(item) for condition in self.conditions)

    def project(self, item: Item) -> Item:
        """Return what is taken of an item."""
        return item if self.projection is None else self.projection.project(item)


def bind(table: Table, specification: Mapping[str, Any] | None) -> Filter:
    """Return the filter of a FilterSpecification. Raises ValidationException.

    A key condition is the same condition read as a filter; that it is one is checked against the key schema.
    """
    if not specification:
        return Filter()
    names_and_values = Placeholders(
        specification.get("ExpressionAttributeNames"), specification.get("ExpressionAttributeValues")
    )
    conditions = []
    text = specification.get("KeyConditionExpression")
    if text is not None:
        schema = table.schema
        match_key_schema(bind_key_condition(text, names_and_values), schema.hash, schema.range, schema.types)
        conditions.append(bind_condition(text, names_and_values, member="KeyConditionExpression"))
    text = specification.get("FilterExpression")
    if text is not None:
        conditions.append(bind_condition(text, names_and_values, member="FilterExpression"))
    text = specification.get("ProjectionExpression")
    projection = bind_projection(text, names_and_values) if text is not None else None
    names_and_values.check_unused()
    return Filter(conditions=tuple(conditions), projection=projection)
