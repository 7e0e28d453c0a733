"""Scan: all items of a table or index, in the order of their partitions, whole or in segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Condition, Projection, bind_condition, bind_projection, legacy
from extenddb.core.limits import PAGE_SIZE
from extenddb.engine import parameters, read_path, selection
from extenddb.engine.context import Caller, Context
from extenddb.engine.cursors import Segment, scan_position
from extenddb.engine.requests import require_table
from extenddb.storage.model import ScanRead

if TYPE_CHECKING:
    from extenddb.core.model.requests import ScanInput

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression")
_LEGACY = ("AttributesToGet", "ScanFilter", "ConditionalOperator")


async def scan(context: Context, caller: Caller, request: ScanInput) -> dict[str, Any]:
    """Answer Scan."""
    parameters.check_mix(request, _EXPRESSIONS, _LEGACY)
    problem = selection.select_problem(request)
    if problem is not None:
        raise validation(problem)
    start = selection.normal_start_key(request)
    filter_, projection = bind(request)
    segment = segment_of(request)
    table = await require_table(context, caller, request["TableName"])
    index = selection.require_index(table, request)
    reading = selection.reading(table, index, request, filter_, projection)
    page = await context.backend.items.scan(
        ScanRead(
            space=table.space,
            index=index.id if index is not None else None,
            lower=segment.lower() if segment is not None else b"",
            upper=segment.upper() if segment is not None else None,
            after=scan_position(table, index, start, segment) if start is not None else None,
            limit=request.get("Limit"),
            max_bytes=PAGE_SIZE,
        )
    )
    return await read_path.answer(reading, page, request["TableName"], request.get("ReturnConsumedCapacity"))


def bind(request: Mapping[str, Any]) -> tuple[Condition | None, Projection | None]:
    """Return the filter and the projection of a request."""
    if any(request.get(member) is not None for member in _LEGACY):
        return _bind_legacy(request)
    projection_text, filter_text = (request.get(member) for member in _EXPRESSIONS)
    if projection_text is None and filter_text is None:
        return None, None
    names_and_values = parameters.placeholders(request)
    filter_ = None
    if filter_text is not None:
        filter_ = bind_condition(filter_text, names_and_values, member="FilterExpression")
    projection = bind_projection(projection_text, names_and_values) if projection_text is not None else None
    names_and_values.check_unused()
    return filter_, projection


def _bind_legacy(request: Mapping[str, Any]) -> tuple[Condition | None, Projection | None]:
    filters, operator = request.get("ScanFilter"), request.get("ConditionalOperator")
    filter_ = None
    if filters is not None or operator is not None:
        filter_ = legacy.filters(filters or {}, operator)
    names = request.get("AttributesToGet")
    if names is None:
        return filter_, None
    parameters.check_duplicates(names)
    return filter_, legacy.attributes_to_get(names)


def segment_of(request: Mapping[str, Any]) -> Segment | None:
    """Return the segment of a parallel scan, None for a whole one."""
    number, total = request.get("Segment"), request.get("TotalSegments")
    if number is None and total is None:
        return None
    if total is None:
        raise validation(
            "The TotalSegments parameter is required but was not present in the request "
            "when Segment parameter is present"
        )
    if number is None:
        raise validation(
            "The Segment parameter is required but was not present in the request "
            "when parameter TotalSegments is present"
        )
    if number >= total:
        raise validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {number} is not less than TotalSegments: {total}"
        )
    return Segment(number, total)
