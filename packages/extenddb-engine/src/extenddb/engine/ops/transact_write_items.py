"""TransactWriteItems: up to a hundred writes and checks, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.limits import TRANSACTION_SIZE
from extenddb.engine import keys, parameters, system, transactions, write_path
from extenddb.engine.conditions import bind_write_condition
from extenddb.engine.context import Caller, Context
from extenddb.engine.ongoing import Place
from extenddb.engine.ops.delete_item import plan_delete
from extenddb.engine.ops.put_item import plan_put
from extenddb.engine.ops.update_item import plan_update
from extenddb.engine.requests import require_table
from extenddb.engine.retries import retrying
from extenddb.engine.tables.table import Table
from extenddb.engine.write_path import Plan, Write, Written
from extenddb.storage.errors import NotFound, SchemaMismatch, SerializationFailure
from extenddb.storage.model import Decision, Mutation, PointRead

if TYPE_CHECKING:
    from extenddb.core.model.requests import TransactWriteItemsInput

DUPLICATES = "Transaction request cannot include multiple operations on one item"
TOO_LARGE = "Collection size of the items in the transaction exceeds the limit of 4 MB"
_ONE_ACTION = "TransactItems can only contain one of Check, Put, Update or Delete"
"""Members of an action that hold expressions, where there is more than the condition."""


def plan_check(request: Mapping[str, Any]) -> Plan:
    """Return the check that a ConditionCheck asks for."""
    key = keys.normal_key(request["Key"])
    condition = bind_write_condition(request)

    def bind(table: Table) -> Write:
        return Write(
            table=table,
            key=keys.require_key(table.schema, key),
            transform=None,
            parses_old=True,
            condition=condition,
            returns_old_on_failure=parameters.returns_old_on_failure(request),
        )

    return Plan(bind=bind, attributes=write_path.nothing)


_PLANS: Mapping[str, Callable[[Mapping[str, Any]], Plan]] = {
    "ConditionCheck": plan_check,
    "Put": plan_put,
    "Delete": plan_delete,
    "Update": plan_update,
}


async def transact_write_items(context: Context, caller: Caller, request: TransactWriteItemsInput) -> dict[str, Any]:
    """Answer TransactWriteItems."""
    actions = [_action(each) for each in request["TransactItems"]]
    plans = [_PLANS[kind](body) for kind, body in actions]
    if sum(plan.size for plan in plans) > TRANSACTION_SIZE:
        raise validation(TOO_LARGE)
    names = [body["TableName"] for _, body in actions]
    tables = [await require_table(context, caller, name) for name in names]
    writes = bind_all(plans, tables)
    token = request.get("ClientRequestToken")
    written = await commit(context, caller, writes, (token, request) if token is not None else None)
    return await respond(context, request, names, writes, written)


def _action(item: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    given = [(kind, item[kind]) for kind in _PLANS if item.get(kind) is not None]
    if len(given) != 1:
        raise validation(_ONE_ACTION)
    # Other than a single write, an action may have names and values that no expression uses, if it has no expression at
    # all (ExtendDB/extenddb#169).
    return given[0]


def bind_all(plans: list[Plan], tables: list[Table]) -> list[Write]:
    """Return the writes of a transaction; raises for keys that do not fit, and for an item that stands twice."""
    writes: list[Write | None] = []
    errors: list[ServiceError | None] = []
    for plan, table in zip(plans, tables, strict=True):
        try:
            writes.append(plan.bind(table))
            errors.append(None)
        except ServiceError as error:
            writes.append(None)
            errors.append(error)
    transactions.require_all(errors)
    bound = [write for write in writes if write is not None]
    if len(set(_places(bound))) != len(bound):
        raise validation(DUPLICATES)
    return bound


def _places(writes: list[Write]) -> list[Place]:
    return [(write.table.space.id, write.key) for write in writes]


async def commit(
    context: Context, caller: Caller, writes: list[Write], token: tuple[str, Mapping[str, Any]] | None
) -> list[Written] | None:
    """Apply the writes all or nothing; None when the token says that they were applied before. Raises ServiceError."""
    places = _places(writes)
    with context.ongoing.using(None if token is None else f"{caller.account}/{token[0]}"):
        transactions.require_all(context.ongoing.conflicts(places))
        with context.ongoing.holding(places):
            return await _commit(context, caller, writes, token)


async def _commit(
    context: Context, caller: Caller, writes: list[Write], token: tuple[str, Mapping[str, Any]] | None
) -> list[Written] | None:
    now = context.clock()
    mutations = [write.mutation(now) for write in writes]
    if token is not None:
        text, request = token
        mutations.append(transactions.Token(caller.account, text, request, now).mutation())
    try:
        decisions = await retrying(lambda: _transact(context, mutations, with_token=token is not None))
    except SerializationFailure:
        raise transactions.conflict(len(writes)).settle() from None
    if token is not None:
        known = decisions.pop().answer
        if isinstance(known, ServiceError):
            raise known.settle()
        if known is transactions.REPEATED:
            return None
    _require_all(decisions)
    return [write_path.require_written(each) for each in decisions]


def _require_all(decisions: list[Decision]) -> None:
    """Cancel the transaction if any of its actions was rejected."""
    try:
        transactions.require_all([each.answer if isinstance(each.answer, ServiceError) else None for each in decisions])
    except ServiceError as canceled:
        raise canceled.settle() from None


async def _transact(context: Context, mutations: list[Mutation], *, with_token: bool) -> list[Decision]:
    try:
        return await context.backend.items.transact(mutations)
    except (SchemaMismatch, NotFound):
        if with_token:  # the first token ever: its space may not be there yet
            await system.prepare(context.backend.catalog, system.TOKENS)
        raise


async def respond(
    context: Context, request: Mapping[str, Any], names: list[str], writes: list[Write], written: list[Written] | None
) -> dict[str, Any]:
    """Return the response to committed writes, each with its table's name in the request."""
    response: dict[str, Any] = {}
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        if written is None:
            response["ConsumedCapacity"] = await _repeated(context, names, writes, mode)
        else:
            response["ConsumedCapacity"] = _consumed(names, writes, written, mode)
    if request.get("ReturnItemCollectionMetrics") == "SIZE" and written is not None:
        response["ItemCollectionMetrics"] = write_path.metrics_by_table(zip(names, writes, written, strict=True))
    return response


async def _repeated(context: Context, names: list[str], writes: list[Write], mode: str) -> list[dict[str, Any]]:
    """Return the units of a transaction that was carried out before: it reads its items as they are now."""
    reads = [PointRead(write.table.space, write.key) for write in writes]
    return transactions.read_capacity(names, await context.items.get_many(reads), mode)


def _consumed(names: list[str], writes: list[Write], written: list[Written], mode: str) -> list[dict[str, Any]]:
    """Return the units by table: writes twice as dear as single ones."""
    units = write_path.consumed_by_table(zip(names, writes, written, strict=True))
    return [each.scaled(2).describe(name, mode, "Write") for name, each in units.items()]
