"""Query: items of one partition of a table or index, in the order of their sort keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.core.expressions import (
    Condition,
    KeyCondition,
    Projection,
    bind_condition,
    bind_key_condition,
    bind_projection,
    legacy,
    match_key_schema,
)
from extenddb.core.limits import PAGE_SIZE
from extenddb.core.types import keys as key_bytes
from extenddb.core.types.table import KeySchema
from extenddb.engine import keys, parameters, read_path, selection
from extenddb.engine.context import Caller, Context
from extenddb.engine.cursors import query_position, sort_bounds
from extenddb.engine.requests import require_table
from extenddb.storage.model import RangeRead

if TYPE_CHECKING:
    from extenddb.core.model.requests import QueryInput

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")
_LEGACY = ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions")
_NO_CONDITION = "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."


async def query(context: Context, caller: Caller, request: QueryInput) -> dict[str, Any]:
    """Answer Query."""
    parameters.check_mix(request, _EXPRESSIONS, _LEGACY)
    problem = selection.select_problem(request)
    if problem is not None:
        # Query tells it as a violation, Scan as it is (nubo-db/dynoxide#96, #121, ExtendDB/extenddb#211).
        raise validation(f"1 validation error detected: {problem}")
    start = selection.normal_start_key(request)
    condition, filter_, projection = bind(request)
    table = await require_table(context, caller, request["TableName"])
    index = selection.require_index(table, request)
    schema = index.schema if index is not None else table.schema
    key_range = match_key_schema(condition, schema.hash, schema.range, schema.types)
    keys.check_sizes(key_range.partition, (*key_range.sort_equals, *key_range.values))
    check_filter(schema, filter_, request)
    reading = selection.reading(table, index, request, filter_, projection)
    partition = key_bytes.partition(key_range.partition)
    bounds = sort_bounds(schema, key_range)
    page = await context.backend.items.read_range(
        RangeRead(
            space=table.space,
            index=index.id if index is not None else None,
            partition=partition,
            lower=bounds.lower,
            upper=bounds.upper,
            reverse=request.get("ScanIndexForward") is False,
            after=query_position(table, index, start, partition, bounds) if start is not None else None,
            limit=request.get("Limit"),
            max_bytes=PAGE_SIZE,
        )
    )
    return await read_path.answer(reading, page, request["TableName"], request.get("ReturnConsumedCapacity"))


def bind(request: Mapping[str, Any]) -> tuple[KeyCondition, Condition | None, Projection | None]:
    """Return the key condition, the filter and the projection of a request."""
    if any(request.get(member) is not None for member in _LEGACY):
        return _bind_legacy(request)
    names_and_values = parameters.placeholders(request)
    projection_text, filter_text, key_text = (request.get(member) for member in _EXPRESSIONS)
    if key_text is None:
        raise validation(_NO_CONDITION)
    condition = bind_key_condition(key_text, names_and_values)
    filter_ = None
    if filter_text is not None:
        filter_ = bind_condition(filter_text, names_and_values, member="FilterExpression")
    projection = bind_projection(projection_text, names_and_values) if projection_text is not None else None
    names_and_values.check_unused()
    return condition, filter_, projection


def _bind_legacy(request: Mapping[str, Any]) -> tuple[KeyCondition, Condition | None, Projection | None]:
    names: Sequence[str] | None = request.get("AttributesToGet")
    filters = request.get("QueryFilter")
    operator = request.get("ConditionalOperator")
    filter_ = None
    if filters is not None or operator is not None:
        filter_ = legacy.filters(filters or {}, operator)
    if request.get("KeyConditions") is None:
        raise validation(_NO_CONDITION)
    condition = legacy.key_conditions(request["KeyConditions"])
    projection = None
    if names is not None:
        parameters.check_duplicates(names)
        projection = legacy.attributes_to_get(names)
    return condition, filter_, projection


def check_filter(schema: KeySchema, filter_: Condition | None, request: Mapping[str, Any]) -> None:
    """Refuse a filter on attributes of the key that is queried."""
    if filter_ is None:
        return
    for name in schema.names:
        if name in filter_.top_level_names:
            member = "Filter Expression" if request.get("FilterExpression") is not None else "QueryFilter"
            raise validation(f"{member} can only contain non-primary key attributes: Primary key attribute: {name}")
