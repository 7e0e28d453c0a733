"""BatchGetItem: up to a hundred items of any tables, each read on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Projection
from extenddb.core.limits import BATCH_GET_KEYS, BATCH_SIZE
from extenddb.core.types.attribute import Item
from extenddb.core.types.capacity import Consumed, read_units
from extenddb.engine import codec, keys, parameters
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.get_item import bind_projection_of, returned
from extenddb.engine.requests import require_table
from extenddb.storage.model import PointRead, Row

if TYPE_CHECKING:
    from extenddb.core.model.requests import BatchGetItemInput

DUPLICATES = "Provided list of item keys contains duplicates"
_TOO_MANY = "Too many items requested for the BatchGetItem call"


@dataclass(frozen=True, slots=True)
class _Part:
    """What a request asks of one table."""

    name: str
    request: Mapping[str, Any]
    keys: list[Item]
    projection: Projection | None


async def batch_get_item(context: Context, caller: Caller, request: BatchGetItemInput) -> dict[str, Any]:
    """Answer BatchGetItem: one set-at-a-time read of all keys."""
    parts = _parts(request["RequestItems"])
    reads: list[PointRead] = []
    for part in parts:
        table = await require_table(context, caller, part.name)
        reads.extend(PointRead(table.space, keys.require_key(table.schema, key)) for key in part.keys)
    rows = await context.items.get_many(reads)
    return _response(request, parts, rows)


def _parts(items: Mapping[str, Mapping[str, Any]]) -> list[_Part]:
    if sum(len(part["Keys"]) for part in items.values()) > BATCH_GET_KEYS:
        raise validation(_TOO_MANY)
    # Expressions and their legacy counterparts do not mix across tables either (nubo-db/dynoxide#127).
    together = {name: value for part in items.values() for name, value in part.items()}
    for members in (*items.values(), together):
        parameters.check_mix(members, ("ProjectionExpression",), ("AttributesToGet",))
    parts: list[_Part] = []
    for name, wanted in items.items():
        normal = [keys.normal_key(key) for key in wanted["Keys"]]
        parts.append(_Part(name, wanted, normal, bind_projection_of(wanted)))
    for part in parts:
        # Before any table is looked for (ExtendDB/extenddb#192).
        if len({codec.canonical(key) for key in part.keys}) != len(part.keys):
            raise validation(DUPLICATES)
    return parts


def _response(request: Mapping[str, Any], parts: list[_Part], rows: list[Row | None]) -> dict[str, Any]:
    """Fill the answer until its byte budget is hit; the keys left over are unprocessed."""
    responses: dict[str, list[Any]] = {}
    unprocessed: dict[str, Any] = {}
    consumed: dict[str, Consumed] = {}
    budget = BATCH_SIZE
    following = iter(rows)
    for part in parts:
        found = responses.setdefault(part.name, [])
        units = consumed.setdefault(part.name, Consumed())
        left = []
        for key in part.keys:
            row = next(following)
            size = row.size if row is not None else 0
            if size > budget:
                left.append(key)
                continue
            budget -= size
            units.table += read_units(size, consistent=bool(part.request.get("ConsistentRead")))
            if row is not None:
                found.append(returned(row, part.projection))
        if left:
            unprocessed[part.name] = {**part.request, "Keys": left}
    response: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        response["ConsumedCapacity"] = [units.describe(name, mode) for name, units in consumed.items()]
    return response
