"""PutItem: write a whole item, replacing the one with the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.core.limits import ITEM_SIZE
from extenddb.core.types.attribute import item_size, normalize_item
from extenddb.engine import keys, parameters, write_path
from extenddb.engine.conditions import bind_write_condition
from extenddb.engine.context import Caller, Context
from extenddb.engine.requests import require_table
from extenddb.engine.write_path import NewItem, Write

if TYPE_CHECKING:
    from extenddb.core.model.requests import PutItemInput

TOO_LARGE = "Item size has exceeded the maximum allowed size"


async def put_item(context: Context, caller: Caller, request: PutItemInput) -> dict[str, Any]:
    """Answer PutItem."""
    parameters.check_mix(request, ("ConditionExpression",), ("Expected", "ConditionalOperator"))
    new = new_item(request["Item"])
    mode = parameters.check_return_values(request, parameters.OLD_OR_NONE)
    condition = bind_write_condition(request)
    table = await require_table(context, caller, request["TableName"])
    key = keys.require_item_key(table.schema, new.item)
    keys.check_index_keys(table, new.item)
    write = Write(
        table=table,
        key=key,
        transform=lambda _old: new,
        parses_old=condition is not None,
        condition=condition,
        returns_old_on_failure=request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        needs_old=write_path.speaks_of_old(request),
    )
    written = write_path.require_written(await context.items.mutate(write.mutation()))
    return write_path.answer(request, table, written, write_path.RETURNED[mode](written))


def new_item(item: Any) -> NewItem:
    """Return a request's item, normal and measured; raises for values that are none and for too much of them."""
    normal = normalize_item(item)
    size = item_size(normal)
    if size > ITEM_SIZE:
        raise validation(TOO_LARGE)
    return NewItem(normal, size)
