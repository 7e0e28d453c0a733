"""TransactGetItems: up to a hundred items of any tables as of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.expressions import Projection
from extenddb.core.limits import TRANSACTION_SIZE
from extenddb.engine import keys, transactions
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.get_item import bind_projection_of, returned
from extenddb.engine.ops.transact_write_items import DUPLICATES, TOO_LARGE
from extenddb.engine.requests import require_table
from extenddb.engine.retries import retrying
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import SerializationFailure
from extenddb.storage.model import PointRead, Row

if TYPE_CHECKING:
    from extenddb.core.model.requests import TransactGetItemsInput


async def transact_get_items(context: Context, caller: Caller, request: TransactGetItemsInput) -> dict[str, Any]:
    """Answer TransactGetItems."""
    # Other than GetItem's, names may stand where no projection uses them (ExtendDB/extenddb#169).
    gets: list[Mapping[str, Any]] = [each["Get"] for each in request["TransactItems"]]
    wanted = [(keys.normal_key(get["Key"]), bind_projection_of(get)) for get in gets]
    tables = [await require_table(context, caller, get["TableName"]) for get in gets]
    rows = await read_all(context, bind_reads(tables, [key for key, _ in wanted]))
    response: dict[str, Any] = {
        "Responses": [_returned(row, projection) for row, (_, projection) in zip(rows, wanted, strict=True)]
    }
    mode = request.get("ReturnConsumedCapacity")
    if mode is not None and mode != "NONE":
        names = [get["TableName"] for get in gets]
        response["ConsumedCapacity"] = transactions.read_capacity(names, rows, mode)
    return response


def _returned(row: Row | None, projection: Projection | None) -> dict[str, Any]:
    """Return one answer: without an Item when there is none, and, other than GetItem's, when nothing of it is asked."""
    item = returned(row, projection) if row is not None else None
    return {"Item": item} if item else {}


def bind_reads(tables: list[Table], wanted: list[Any]) -> list[PointRead]:
    """Return the reads of normal keys; raises for keys that do not fit, and for an item that stands twice."""
    reads: list[PointRead] = []
    errors: list[ServiceError | None] = []
    for table, key in zip(tables, wanted, strict=True):
        try:
            reads.append(PointRead(table.space, keys.require_key(table.schema, key)))
            errors.append(None)
        except ServiceError as error:
            errors.append(error)
    transactions.require_all(errors)
    if len({(read.space.id, read.key) for read in reads}) != len(reads):
        raise validation(DUPLICATES)
    return reads


async def read_all(context: Context, reads: list[PointRead]) -> list[Row | None]:
    """Return the rows as of one moment; raises for items of a transaction that is writing, and for too much at once."""
    transactions.require_all(context.ongoing.conflicts([(read.space.id, read.key) for read in reads]))
    try:
        rows = await retrying(lambda: context.backend.items.snapshot(reads))
    except SerializationFailure:
        raise transactions.conflict(len(reads)) from None
    if sum(row.size for row in rows if row is not None) > TRANSACTION_SIZE:
        raise validation(TOO_LARGE).settle()
    return rows
