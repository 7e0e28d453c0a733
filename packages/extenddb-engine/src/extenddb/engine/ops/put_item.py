"""PutItem: write a whole item, replacing the one with the same key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.types.attribute import Item
from extenddb.core.types.keys import Key
from extenddb.core.types.table import KeySchema
from extenddb.engine import keys, parameters, write_path
from extenddb.engine.conditions import bind_write_condition
from extenddb.engine.context import Caller, Context
from extenddb.engine.new_items import new_item
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Plan, Write
from extenddb.engine.writes import write_one

if TYPE_CHECKING:
    from extenddb.core.model.requests import PutItemInput


async def put_item(context: Context, caller: Caller, request: PutItemInput) -> dict[str, Any]:
    """Answer PutItem."""
    parameters.check_mix(request, ("ConditionExpression",), ("Expected", "ConditionalOperator"))
    return await write_one(context, caller, request, plan_put(request))


def plan_put(request: Mapping[str, Any], require_key: Callable[[KeySchema, Item], Key] = keys.require_item_key) -> Plan:
    """Return the write that PutItem, or the Put of a batch or transaction, asks for."""
    new = new_item(request["Item"])
    mode = parameters.check_return_values(request, parameters.OLD_OR_NONE)
    condition = bind_write_condition(request)

    def bind(table: Table) -> Write:
        key = require_key(table.schema, new.item)
        keys.check_index_keys(table, new.item)
        return Write(
            table=table,
            key=key,
            transform=lambda _old: new,
            parses_old=condition is not None,
            condition=condition,
            returns_old_on_failure=parameters.returns_old_on_failure(request),
            needs_old=write_path.speaks_of_old(request),
        )

    return Plan(bind=bind, attributes=write_path.RETURNED[mode], size=new.size)
