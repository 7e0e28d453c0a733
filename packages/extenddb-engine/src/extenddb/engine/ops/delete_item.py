"""DeleteItem: remove one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine import keys, parameters, write_path
from extenddb.engine.conditions import bind_write_condition
from extenddb.engine.context import Caller, Context
from extenddb.engine.requests import require_table
from extenddb.engine.write_path import Write

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteItemInput


async def delete_item(context: Context, caller: Caller, request: DeleteItemInput) -> dict[str, Any]:
    """Answer DeleteItem."""
    parameters.check_mix(request, ("ConditionExpression",), ("Expected", "ConditionalOperator"))
    key = keys.normal_key(request["Key"])
    mode = parameters.check_return_values(request, parameters.OLD_OR_NONE)
    condition = bind_write_condition(request)
    table = await require_table(context, caller, request["TableName"])
    write = Write(
        table=table,
        key=keys.require_key(table.schema, key),
        transform=lambda _old: None,
        parses_old=condition is not None,
        condition=condition,
        returns_old_on_failure=request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        needs_old=write_path.speaks_of_old(request),
    )
    written = write_path.require_written(await context.items.mutate(write.mutation()))
    return write_path.answer(request, table, written, write_path.RETURNED[mode](written))
