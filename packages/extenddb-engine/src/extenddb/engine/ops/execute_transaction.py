"""ExecuteTransaction: up to a hundred statements as of one moment, that all read, or all write and check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.limits import TRANSACTION_SIZE
from extenddb.core.partiql import Select
from extenddb.engine import read_path, transactions
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.transact_get_items import bind_reads, read_all
from extenddb.engine.ops.transact_write_items import TOO_LARGE, bind_all, commit, respond
from extenddb.engine.partiql import writes
from extenddb.engine.partiql.reads import check_supported, select_one
from extenddb.engine.partiql.statements import Prepared, Writing, is_select, is_writing, prepare
from extenddb.engine.requests import require_table

if TYPE_CHECKING:
    from extenddb.core.model.requests import ExecuteTransactionInput

MIXED = "A transaction must consist of either read statements or write statements; the two cannot be mixed"
NO_RETURNING = "RETURNING clause is not supported in ExecuteTransaction"
NO_INDEX_READS = "Reads on indices are not supported within transactions."
NO_KEY = "Select statements within ExecuteTransaction must specify the primary key in the where clause."
_FAILED = "Validation failed in TransactStatements[{}]: "


async def execute_transaction(context: Context, caller: Caller, request: ExecuteTransactionInput) -> dict[str, Any]:
    """Answer ExecuteTransaction.

    What is wrong with a statement itself is the whole request's error; only what goes wrong with an item cancels the
    transaction.
    """
    prepared = [prepare(member, request) for member in request["TransactStatements"]]
    selects = [each for each in prepared if is_select(each)]
    writing = [each for each in prepared if is_writing(each)]
    if selects and writing:
        raise validation(MIXED)
    if selects:
        return await _read(context, caller, request, selects)
    return await _write(context, caller, request, writing)


async def _read(
    context: Context, caller: Caller, request: Mapping[str, Any], selects: list[Prepared[Select]]
) -> dict[str, Any]:
    tables = [await require_table(context, caller, each.table) for each in selects]
    wanted = []
    for place, (each, table) in enumerate(zip(selects, tables, strict=True)):
        with _validating(place):
            if each.statement.index is not None:
                check_supported(each, table)
                raise validation(NO_INDEX_READS)
            wanted.append(select_one(each, table, NO_KEY))
    rows = await read_all(context, bind_reads(tables, [key for key, _ in wanted]))
    responses = []
    for row, (_, reading) in zip(rows, wanted, strict=True):
        items, _ = await read_path.selected(reading, [row] if row is not None else [])
        responses.append({"Item": items[0]} if items else {})
    response: dict[str, Any] = {"Responses": responses}
    mode = selects[0].capacity
    if mode is not None:
        response["ConsumedCapacity"] = transactions.read_capacity([each.table for each in selects], rows, mode)
    return response


@contextmanager
def _validating(place: int) -> Iterator[None]:
    """Put in front of a statement's error which statement it is."""
    try:
        yield
    except ServiceError as error:
        raise validation(_FAILED.format(place) + error.message) from None


async def _write(
    context: Context, caller: Caller, request: Mapping[str, Any], writing: list[Prepared[Writing]]
) -> dict[str, Any]:
    for place, each in enumerate(writing):
        if writes.returns(each.statement):
            raise validation(_FAILED.format(place) + NO_RETURNING)
    plans = [writes.plan(each) for each in writing]
    if sum(plan.size for plan in plans) > TRANSACTION_SIZE:
        raise validation(TOO_LARGE)
    names = [each.table for each in writing]
    tables = [await require_table(context, caller, name) for name in names]
    for place, (each, table) in enumerate(zip(writing, tables, strict=True)):
        with _validating(place):
            writes.check_key(each, table)
    bound = bind_all(plans, tables)
    token = request.get("ClientRequestToken")
    written = await commit(context, caller, bound, (token, request) if token is not None else None)
    return {"Responses": [], **await respond(context, request, names, bound, written)}
