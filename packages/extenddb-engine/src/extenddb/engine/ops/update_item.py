"""UpdateItem: change attributes of one item, creating it if it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.expressions import Condition, Update, bind_condition, bind_update, legacy
from extenddb.engine import keys, new_items, parameters
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Plan, Write
from extenddb.engine.writes import write_one

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateItemInput

_MODES = frozenset(("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"))
_EXPRESSIONS = ("UpdateExpression", "ConditionExpression")
_LEGACY = ("AttributeUpdates", "Expected", "ConditionalOperator")


async def update_item(context: Context, caller: Caller, request: UpdateItemInput) -> dict[str, Any]:
    """Answer UpdateItem."""
    parameters.check_mix(request, _EXPRESSIONS, _LEGACY)
    return await write_one(context, caller, request, plan_update(request))


def plan_update(request: Mapping[str, Any]) -> Plan:
    """Return the write that UpdateItem, or the Update of a transaction, asks for."""
    key = keys.normal_key(request["Key"])
    mode = parameters.check_return_values(request, _MODES)
    update, condition = bind(request)

    def bind_table(table: Table) -> Write:
        place = keys.require_key(table.schema, key)
        new_items.check_targets(table.schema, update)
        return Write(
            table=table,
            key=place,
            transform=new_items.transform(table, update, key),
            parses_old=True,
            condition=condition,
            returns_old_on_failure=parameters.returns_old_on_failure(request),
        )

    return Plan(bind=bind_table, attributes=lambda written: new_items.attributes(mode, update, written))


def bind(request: Mapping[str, Any]) -> tuple[Update | None, Condition | None]:
    """Return the update and the condition of a request, from expressions or from their legacy counterparts."""
    if any(request.get(member) is not None for member in _LEGACY):
        updates = request.get("AttributeUpdates")
        update = legacy.attribute_updates(updates) if updates is not None else None
        if request.get("Expected") is None and request.get("ConditionalOperator") is None:
            return update, None
        return update, legacy.expected(request.get("Expected") or {}, request.get("ConditionalOperator"))
    if all(request.get(member) is None for member in _EXPRESSIONS):
        return None, None
    names_and_values = parameters.placeholders(request)
    text, condition_text = (request.get(member) for member in _EXPRESSIONS)
    update = bind_update(text, names_and_values) if text is not None else None
    condition = bind_condition(condition_text, names_and_values) if condition_text is not None else None
    names_and_values.check_unused()
    return update, condition
