"""UpdateItem: change attributes of one item, creating it if it is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Condition, Update, bind_condition, bind_update, legacy
from extenddb.core.limits import ITEM_SIZE
from extenddb.core.types.attribute import Item, item_size
from extenddb.core.types.table import KeySchema
from extenddb.engine import keys, parameters, write_path
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import NewItem, Plan, Write, Written
from extenddb.engine.writes import write_one

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateItemInput

TOO_LARGE = "Item size to update has exceeded the maximum allowed size"
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
        check_targets(table.schema, update)
        return Write(
            table=table,
            key=place,
            transform=transform(table, update, key),
            parses_old=True,
            condition=condition,
            returns_old_on_failure=parameters.returns_old_on_failure(request),
        )

    return Plan(bind=bind_table, attributes=lambda written: attributes(mode, update, written))


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


def check_targets(schema: KeySchema, update: Update | None) -> None:
    """Refuse an update of a key attribute."""
    if update is None:
        return
    for name in schema.names:
        if name in update.top_level_names:
            raise validation(
                "One or more parameter values were invalid: "
                f"Cannot update attribute {name}. This attribute is part of the key"
            )


def transform(table: Table, update: Update | None, key: Item) -> Callable[[Item | None], NewItem]:
    """Return the change of the item: its old state, or just its key, with the update applied."""

    def apply(old: Item | None) -> NewItem:
        item = old if old is not None else key
        if update is not None:
            item = update.apply(item)
            if table.indexes:
                keys.check_updated_index_keys(table, item, update.top_level_names)
        size = item_size(item)
        if size > ITEM_SIZE:
            raise validation(TOO_LARGE)
        return NewItem(item, size)

    return apply


def attributes(mode: str, update: Update | None, written: Written) -> Any:
    """Return what ReturnValues asks for; None when there is none."""
    if mode in write_path.RETURNED:
        return write_path.RETURNED[mode](written)
    if update is None or written.new is None:
        return None
    old, new = written.old_item, written.new.item
    if mode == "UPDATED_NEW":
        return update.updated_new(old or {}, new)
    return update.updated_old(old, new) if old is not None else None
