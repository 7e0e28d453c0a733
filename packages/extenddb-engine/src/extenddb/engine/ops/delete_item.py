"""DeleteItem: remove one item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.engine import keys, parameters, write_path
from extenddb.engine.conditions import bind_write_condition
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Plan, Write
from extenddb.engine.writes import write_one

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteItemInput


async def delete_item(context: Context, caller: Caller, request: DeleteItemInput) -> dict[str, Any]:
    """Answer DeleteItem."""
    parameters.check_mix(request, ("ConditionExpression",), ("Expected", "ConditionalOperator"))
    return await write_one(context, caller, request, plan_delete(request))


def plan_delete(request: Mapping[str, Any]) -> Plan:
    """Return the write that DeleteItem, or the Delete of a batch or transaction, asks for."""
    key = keys.normal_key(request["Key"])
    mode = parameters.check_return_values(request, parameters.OLD_OR_NONE)
    condition = bind_write_condition(request)

    def bind(table: Table) -> Write:
        return Write(
            table=table,
            key=keys.require_key(table.schema, key),
            transform=lambda _old: None,
            parses_old=condition is not None,
            condition=condition,
            returns_old_on_failure=parameters.returns_old_on_failure(request),
            needs_old=write_path.speaks_of_old(request),
        )

    return Plan(bind=bind, attributes=write_path.RETURNED[mode])
