"""GetItem: read one item by its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.expressions import Projection, bind_projection, legacy
from extenddb.core.types.capacity import Consumed, read_units
from extenddb.engine import codec, keys, parameters
from extenddb.engine.context import Caller, Context
from extenddb.engine.requests import require_table
from extenddb.storage.model import Row

if TYPE_CHECKING:
    from extenddb.core.model.requests import GetItemInput


async def get_item(context: Context, caller: Caller, request: GetItemInput) -> dict[str, Any]:
    """Answer GetItem."""
    parameters.check_mix(request, ("ProjectionExpression",), ("AttributesToGet",))
    key = keys.normal_key(request["Key"])
    projection = bind_projection_of(request)
    table = await require_table(context, caller, request["TableName"])
    row = await context.items.get(table.space, keys.require_key(table.schema, key))
    response: dict[str, Any] = {}
    if row is not None:
        response["Item"] = returned(row, projection)
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        size = row.size if row is not None else 0
        units = Consumed(read_units(size, consistent=bool(request.get("ConsistentRead"))))
        response["ConsumedCapacity"] = units.describe(request["TableName"], mode)
    return response


def bind_projection_of(request: Mapping[str, Any]) -> Projection | None:
    """Return the projection of a point read, from ProjectionExpression or AttributesToGet; None for all attributes."""
    names = request.get("AttributesToGet")
    if names is not None:
        parameters.check_duplicates(names)
        return legacy.attributes_to_get(names)
    text = request.get("ProjectionExpression")
    if text is None:
        return None
    names_and_values = parameters.placeholders(request)
    projection = bind_projection(text, names_and_values)
    names_and_values.check_unused()
    return projection


def returned(row: Row, projection: Projection | None) -> Any:
    """Return a row as an answer's item: stored bytes as they are, unless a projection asks for a part."""
    if projection is None:
        return codec.raw(row.item)
    return projection.project(codec.load(row.item))
