"""INSERT, UPDATE, DELETE and EXISTS as the same plans that PutItem, UpdateItem, DeleteItem and ConditionCheck make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from extenddb.core import expressions
from extenddb.core.errors import DUPLICATE_ITEM, ServiceError, validation
from extenddb.core.expressions.nodes import Add, ConditionNode, Function, Or, Path, UpdateNode
from extenddb.core.expressions.nodes import Delete as DeleteElements
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.update import update_of
from extenddb.core.partiql import Delete, Exists, Insert, Statement, Update
from extenddb.core.partiql.errors import second_argument_not_a_set
from extenddb.core.types.attribute import SET_TYPES, Item, type_of
from extenddb.core.types.table import KeySchema
from extenddb.engine import keys, write_path
from extenddb.engine.new_items import attributes, check_targets, new_item, transform
from extenddb.engine.partiql.access import require_key
from extenddb.engine.partiql.reads import bind_where
from extenddb.engine.partiql.statements import Prepared, Writing
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import NewItem, Plan, Write

DUPLICATE = "Duplicate primary key exists in table"
ONLY_ALL_OLD = "Invalid returning clause: RETURNING {} *. Only RETURNING ALL OLD * is allowed in DELETE statements."
EXISTS_NEEDS_CONDITION = "EXISTS() must contain a single item read with additional condition"

_MODES: Mapping[str | None, str] = {
    None: "NONE",
    "ALL OLD": "ALL_OLD",
    "ALL NEW": "ALL_NEW",
    "MODIFIED OLD": "UPDATED_OLD",
    "MODIFIED NEW": "UPDATED_NEW",
}
"""ReturnValues by what RETURNING says."""


def plan(prepared: Prepared[Writing]) -> Plan:
    """Return the write a statement asks for; raises a ValidationException for values it cannot have."""
    return _PLANS[type(prepared.statement)](prepared)


def returns(statement: Statement) -> bool:
    """Tell whether a statement asks for the item it changes."""
    return isinstance(statement, Update | Delete) and statement.returning is not None


def check_key(prepared: Prepared[Writing], table: Table) -> None:
    """Refuse a clause that does not name the one item it is about."""
    statement = prepared.statement
    if isinstance(statement, Insert):
        return
    if not isinstance(statement, Exists):
        require_key(statement.where, prepared.values, table.schema)
        return
    _, exact = require_key(statement.select.where, prepared.values, table.schema, EXISTS_NEEDS_CONDITION)
    if exact:
        raise validation(EXISTS_NEEDS_CONDITION)


def _plan_insert(prepared: Prepared[Insert]) -> Plan:
    new = new_item(prepared.values.item(prepared.statement.item.symbol))

    def insert(old: Item | None) -> NewItem:
        if old is not None:
            raise ServiceError(DUPLICATE_ITEM, DUPLICATE)
        return new

    def bind(table: Table) -> Write:
        key = keys.require_item_key(table.schema, new.item)
        keys.check_index_keys(table, new.item)
        return Write(table=table, key=key, transform=insert, parses_old=True)

    return Plan(bind=bind, attributes=write_path.nothing, size=new.size)


def _plan_update(prepared: Prepared[Update]) -> Plan:
    statement = prepared.statement
    update = _bind_update(statement.update, prepared)
    mode = _MODES[statement.returning]

    def bind(table: Table) -> Write:
        key, _ = require_key(statement.where, prepared.values, table.schema)
        place = keys.require_key(table.schema, key)
        check_targets(table.schema, update)
        return Write(
            table=table,
            key=place,
            transform=transform(table, update, key),
            parses_old=True,
            # The clause names the key, so it fails for an item that is not there: an UPDATE never creates one.
            condition=bind_where(statement.where, prepared.values),
            returns_old_on_failure=prepared.returns_old_on_failure,
        )

    return Plan(bind=bind, attributes=lambda written: attributes(mode, update, written))


def _bind_update(node: UpdateNode, prepared: Prepared[Update]) -> expressions.Update:
    values = prepared.values
    for action in node.actions:
        if isinstance(action, Add | DeleteElements) and type_of(values.value(action.value.symbol)) not in SET_TYPES:
            name = "SET_ADD" if isinstance(action, Add) else "SET_DELETE"
            place = prepared.set_arguments[action.value.symbol]
            raise second_argument_not_a_set(name, place).as_statement_error()
    try:
        return update_of(node, values)
    except Problem as problem:
        raise problem.as_statement_error() from None


def _plan_delete(prepared: Prepared[Delete]) -> Plan:
    statement = prepared.statement
    if statement.returning not in (None, "ALL OLD"):
        raise validation(ONLY_ALL_OLD.format(statement.returning))

    def bind(table: Table) -> Write:
        key, exact = require_key(statement.where, prepared.values, table.schema)
        condition = None if exact else bind_where(_or_absent(statement.where, table.schema), prepared.values)
        return Write(
            table=table,
            key=keys.require_key(table.schema, key),
            transform=lambda _old: None,
            parses_old=condition is not None,
            condition=condition,
            returns_old_on_failure=prepared.returns_old_on_failure,
            needs_old=statement.returning is not None or prepared.capacity is not None,
        )

    return Plan(bind=bind, attributes=write_path.RETURNED[_MODES[statement.returning]])


def _or_absent(where: ConditionNode | None, schema: KeySchema) -> ConditionNode | None:
    """Return a clause that also holds for an item that is not there: to delete such a one is no failure."""
    if where is None:
        return None
    return Or((Function("attribute_not_exists", (Path((schema.hash[0],)),)), where))


def _plan_check(prepared: Prepared[Exists]) -> Plan:
    select = prepared.statement.select
    if select.index is not None:
        raise validation(EXISTS_NEEDS_CONDITION)

    def bind(table: Table) -> Write:
        key, _ = require_key(select.where, prepared.values, table.schema)
        return Write(
            table=table,
            key=keys.require_key(table.schema, key),
            transform=None,
            parses_old=True,
            condition=bind_where(select.where, prepared.values),
            returns_old_on_failure=prepared.returns_old_on_failure,
        )

    return Plan(bind=bind, attributes=write_path.nothing)


_PLANS: Mapping[type, Callable[[Any], Plan]] = {
    Insert: _plan_insert,
    Update: _plan_update,
    Delete: _plan_delete,
    Exists: _plan_check,
}
