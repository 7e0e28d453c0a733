"""BatchExecuteStatement: up to 25 statements that all read or all write, each succeeding or failing on its own.

All reads are one set of point reads and all writes one set of mutations, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import (
    ACCESS_DENIED,
    CONDITIONAL_CHECK_FAILED,
    CORAL_THROTTLING,
    DUPLICATE_ITEM,
    INTERNAL_SERVER_ERROR,
    ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED,
    PROVISIONED_THROUGHPUT_EXCEEDED,
    REQUEST_LIMIT_EXCEEDED,
    RESOURCE_NOT_FOUND,
    TRANSACTION_CONFLICT,
    VALIDATION,
    ServiceError,
    validation,
)
from extenddb.core.partiql import Select, Statement
from extenddb.core.types.capacity import Consumed, read_units
from extenddb.engine import keys, read_path, write_path
from extenddb.engine.context import Caller, Context
from extenddb.engine.ongoing import conflict
from extenddb.engine.partiql import writes
from extenddb.engine.partiql.reads import select_one
from extenddb.engine.partiql.statements import Prepared, Writing, is_select, is_writing, prepare, refuse_exists
from extenddb.engine.read_path import Reading
from extenddb.engine.requests import require_table
from extenddb.engine.write_path import Plan, Write
from extenddb.storage.errors import SchemaMismatch, SerializationFailure, StorageError
from extenddb.storage.model import Decision, PointRead, Row

if TYPE_CHECKING:
    from extenddb.core.model.requests import BatchExecuteStatementInput

MIXED = "A batch must consist of either read statements or write statements; the two cannot be mixed"
NO_KEY = "Select statements within BatchExecuteStatement must specify the primary key in the where clause."
_ATTEMPTS = 4  # of writes against tables that change under them

_CODES: Mapping[str, str] = {
    ACCESS_DENIED.name: "AccessDenied",
    CONDITIONAL_CHECK_FAILED.name: "ConditionalCheckFailed",
    CORAL_THROTTLING.name: "ThrottlingError",
    DUPLICATE_ITEM.name: "DuplicateItem",
    INTERNAL_SERVER_ERROR.name: "InternalServerError",
    ITEM_COLLECTION_SIZE_LIMIT_EXCEEDED.name: "ItemCollectionSizeLimitExceeded",
    PROVISIONED_THROUGHPUT_EXCEEDED.name: "ProvisionedThroughputExceeded",
    REQUEST_LIMIT_EXCEEDED.name: "RequestLimitExceeded",
    RESOURCE_NOT_FOUND.name: "ResourceNotFound",
    TRANSACTION_CONFLICT.name: "TransactionConflict",
    VALIDATION.name: "ValidationError",
}
"""Code of a statement's error by the error's name (service model, BatchStatementErrorCodeEnum)."""


@dataclass(slots=True)
class _Batch:
    """A batch under way: an answer for each statement, in the order of the request."""

    responses: list[dict[str, Any]]
    consumed: dict[str, Consumed] = field(default_factory=dict)
    """Units by the name of the table."""

    def fail(self, place: int, error: ServiceError, table: str | None = None) -> None:
        """Answer a statement with its error; the table is named for one that came as far as being carried out."""
        body = {"Code": _CODES[error.kind.name], "Message": error.message, **error.members}
        self.responses[place] = {"Error": body} if table is None else {"Error": body, "TableName": table}

    def succeed(self, place: int, table: str, item: Any, units: Consumed) -> None:
        """Answer a statement with the item it read or returns; None for none."""
        self.responses[place] = {"TableName": table} if item is None else {"TableName": table, "Item": item}
        self.consumed.setdefault(table, Consumed()).add(units)


async def batch_execute_statement(
    context: Context, caller: Caller, request: BatchExecuteStatementInput
) -> dict[str, Any]:
    """Answer BatchExecuteStatement."""
    batch = _Batch([{} for _ in request["Statements"]])
    prepared = _prepare(batch, request)
    selects = [(place, each) for place, each in prepared if is_select(each)]
    writing = [(place, each) for place, each in prepared if is_writing(each)]
    if selects and writing:
        raise validation(MIXED)
    if not await _read(context, caller, batch, selects):
        await _read(context.current(), caller, batch, selects)
    await _write(context, caller, batch, writing)
    response: dict[str, Any] = {"Responses": batch.responses}
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        response["ConsumedCapacity"] = [units.describe(name, mode) for name, units in batch.consumed.items()]
    return response


def _prepare(batch: _Batch, request: Mapping[str, Any]) -> list[tuple[int, Prepared[Statement]]]:
    prepared = []
    for place, member in enumerate(request["Statements"]):
        try:
            # ReturnValuesOnConditionCheckFailure has no effect in a batch (recorded 2026-10).
            prepared.append((place, replace(prepare(member, request), returns_old_on_failure=False)))
        except ServiceError as error:
            batch.fail(place, error)
    return prepared


async def _read(context: Context, caller: Caller, batch: _Batch, selects: list[tuple[int, Prepared[Select]]]) -> bool:
    """Read all items; False when a statement is refused by a remembered table: nothing is answered then."""
    refused: list[tuple[int, ServiceError]] = []
    wanted: list[tuple[int, str, Reading]] = []
    reads: list[PointRead] = []
    for place, prepared in selects:
        try:
            table = await require_table(context, caller, prepared.table)
            key, reading = select_one(prepared, table, NO_KEY)
            reads.append(PointRead(table.space, keys.require_key(table.schema, key)))
            wanted.append((place, prepared.table, reading))
        except ServiceError as error:
            refused.append((place, error))
    if refused and not context.is_current:
        return False
    for place, refusal in refused:
        batch.fail(place, refusal)
    rows: list[Row | None] = await context.items.get_many(reads) if reads else []
    for (place, name, reading), row in zip(wanted, rows, strict=True):
        items, _ = await read_path.selected(reading, [row] if row is not None else [])
        units = Consumed(read_units(row.size if row is not None else 0, consistent=reading.consistent))
        batch.succeed(place, name, items[0] if items else None, units)
    return True


@dataclass(frozen=True, slots=True)
class _Pending:
    """A statement that has still to be written."""

    place: int
    name: str
    plan: Plan


async def _write(context: Context, caller: Caller, batch: _Batch, writing: list[tuple[int, Prepared[Writing]]]) -> None:
    pending: list[_Pending] = []
    for place, prepared in writing:
        try:
            refuse_exists(prepared)
            pending.append(_Pending(place, prepared.table, writes.plan(prepared)))
        except ServiceError as error:
            batch.fail(place, error)
    for _ in range(_ATTEMPTS):
        if not pending:
            return
        pending = await _write_once(context, caller, batch, pending)
        context = context.current()
    for each in pending:
        batch.fail(each.place, ServiceError(INTERNAL_SERVER_ERROR, "The table keeps changing."), each.name)


async def _write_once(context: Context, caller: Caller, batch: _Batch, pending: list[_Pending]) -> list[_Pending]:
    """Write what can be written and return the statements that have to meet their tables as these are now."""
    left: list[_Pending] = []
    bound: list[tuple[_Pending, Write]] = []
    for each in pending:
        try:
            table = await require_table(context, caller, each.name)
            write = each.plan.bind(table)
            context.ongoing.require_free(table.space, write.key)
            bound.append((each, write))
        except ServiceError as error:
            if context.is_current:
                batch.fail(each.place, error)
            else:
                left.append(each)
    now = context.clock()
    decisions: list[Decision | StorageError] = []
    if bound:
        decisions = await context.items.mutate_many([write.mutation(now) for _, write in bound])
    for (each, write), decision in zip(bound, decisions, strict=True):
        if isinstance(decision, SchemaMismatch):
            left.append(each)
        else:
            _settle(batch, each, write, decision)
    return left


def _settle(batch: _Batch, each: _Pending, write: Write, decision: Decision | StorageError) -> None:
    if isinstance(decision, StorageError):
        batch.fail(each.place, _storage_error(decision), each.name)
        return
    try:
        written = write_path.require_written(decision)
    except ServiceError as error:
        batch.fail(each.place, error, each.name)
        return
    batch.succeed(each.place, each.name, each.plan.attributes(written), write_path.consumed(write.table, written))


def _storage_error(error: StorageError) -> ServiceError:
    if isinstance(error, SerializationFailure):
        return conflict()
    return ServiceError(INTERNAL_SERVER_ERROR, "The request processing has failed because of an unknown error.")
