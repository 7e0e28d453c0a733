"""BatchWriteItem: up to 25 puts and deletes of any tables, each applied on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.limits import BATCH_WRITE_ITEMS
from extenddb.core.types.attribute import EMPTY_VALUE, MANY_TYPES
from extenddb.engine import keys, parameters, write_path
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.batch_get_item import DUPLICATES
from extenddb.engine.ops.delete_item import plan_delete
from extenddb.engine.ops.put_item import plan_put
from extenddb.engine.requests import require_table
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Plan, Write, Written
from extenddb.storage.errors import SchemaMismatch, SerializationFailure, StorageError
from extenddb.storage.model import Decision

if TYPE_CHECKING:
    from extenddb.core.model.requests import BatchWriteItemInput

_TOO_MANY = "Too many items requested for the BatchWriteItem call"
_LEFT = SerializationFailure("the table has changed meanwhile")
"""Stands for a write that is left unprocessed: the client repeats it."""


@dataclass(slots=True, eq=False)
class _Action:
    """One put or delete of a batch."""

    table: str
    request: Mapping[str, Any]
    plan: Plan


async def batch_write_item(context: Context, caller: Caller, request: BatchWriteItemInput) -> dict[str, Any]:
    """Answer BatchWriteItem: one set-at-a-time write of all items."""
    parameters.check_request_items("BatchWriteItem", request["RequestItems"])
    actions = _actions(request)
    writes = await _bind(context, caller, actions)
    places = {(write.table.space.id, write.key) for write in writes}
    if len(places) != len(writes):
        raise validation(DUPLICATES)
    decisions = await _mutate(context, writes)
    stale = [place for place, decision in enumerate(decisions) if isinstance(decision, SchemaMismatch)]
    if stale and len(stale) < len(decisions):
        await _write_rest(context.current(), caller, actions, writes, decisions, stale)
    return _response(request, actions, writes, decisions)


async def _bind(context: Context, caller: Caller, actions: list[_Action]) -> list[Write]:
    tables: dict[str, Table] = {}
    writes: list[Write] = []
    for action in actions:
        name = action.table
        if name not in tables:
            tables[name] = await require_table(context, caller, name)
        writes.append(action.plan.bind(tables[name]))
    return writes


async def _mutate(context: Context, writes: list[Write]) -> list[Decision | StorageError]:
    now = context.clock()
    return await context.items.mutate_many([write.mutation(now) for write in writes])


async def _write_rest(
    context: Context,
    caller: Caller,
    actions: list[_Action],
    writes: list[Write],
    decisions: list[Decision | StorageError],
    stale: list[int],
) -> None:
    """Write what met tables that have changed, when the rest was applied and may not be written twice.

    What the tables do not take as they are now is left unprocessed: its client is told why when it comes again.
    """
    for place in stale:
        decisions[place] = _LEFT
    for name in {actions[place].table: None for place in stale}:
        places = [place for place in stale if actions[place].table == name]
        try:
            bound = await _bind(context, caller, [actions[place] for place in places])
        except ServiceError:
            continue
        for place, write, decision in zip(places, bound, await _mutate(context, bound), strict=True):
            writes[place] = write
            decisions[place] = _LEFT if isinstance(decision, SchemaMismatch) else decision


def _actions(request: Mapping[str, Any]) -> list[_Action]:
    items: Mapping[str, list[Mapping[str, Any]]] = request["RequestItems"]
    if sum(map(len, items.values())) > BATCH_WRITE_ITEMS:
        raise validation(_TOO_MANY)
    asked = {
        name: request[name]
        for name in ("ReturnConsumedCapacity", "ReturnItemCollectionMetrics")
        if request.get(name) is not None
    }
    return [_Action(table, each, _plan(each, asked)) for table, requests in items.items() for each in requests]


def _plan(request: Mapping[str, Any], asked: Mapping[str, Any]) -> Plan:
    put, delete = request.get("PutRequest"), request.get("DeleteRequest")
    if put is not None and delete is not None:
        raise validation(MANY_TYPES)
    if put is not None:
        return plan_put({**put, **asked}, keys.require_batched_item_key)
    if delete is not None:
        return plan_delete({**delete, **asked})
    raise validation(EMPTY_VALUE)


def _response(
    request: Mapping[str, Any],
    actions: list[_Action],
    writes: list[Write],
    decisions: list[Decision | StorageError],
) -> dict[str, Any]:
    unprocessed: dict[str, list[Mapping[str, Any]]] = {}
    written: list[tuple[str, Write, Written]] = []
    for action, write, decision in zip(actions, writes, decisions, strict=True):
        if not isinstance(decision, StorageError):
            written.append((action.table, write, write_path.require_written(decision)))
        elif decision.retry:
            unprocessed.setdefault(action.table, []).append(action.request)
        else:
            raise decision
    response: dict[str, Any] = {"UnprocessedItems": unprocessed}
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        units = write_path.consumed_by_table(written)
        response["ConsumedCapacity"] = [each.describe(name, mode) for name, each in units.items()]
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        response["ItemCollectionMetrics"] = write_path.metrics_by_table(written)
    return response
