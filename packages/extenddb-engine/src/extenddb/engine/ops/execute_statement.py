"""ExecuteStatement: one PartiQL statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.partiql import Select
from extenddb.engine import read_path, write_path
from extenddb.engine.context import Caller, Context
from extenddb.engine.partiql import writes
from extenddb.engine.partiql.pages import read_page
from extenddb.engine.partiql.reads import select
from extenddb.engine.partiql.resume import from_token, to_token
from extenddb.engine.partiql.statements import Prepared, Writing, is_select, is_writing, prepare, refuse_exists
from extenddb.engine.requests import require_table
from extenddb.engine.writes import apply

if TYPE_CHECKING:
    from extenddb.core.model.requests import ExecuteStatementInput


async def execute_statement(context: Context, caller: Caller, request: ExecuteStatementInput) -> dict[str, Any]:
    """Answer ExecuteStatement."""
    prepared = prepare(request, request)
    if is_select(prepared):
        return await _read(context, caller, request, prepared)
    refuse_exists(prepared)
    assert is_writing(prepared)  # noqa: S101  (what does not read writes)
    return await _write(context, caller, prepared)


async def _read(
    context: Context, caller: Caller, request: ExecuteStatementInput, prepared: Prepared[Select]
) -> dict[str, Any]:
    start = from_token(request)
    table = await require_table(context, caller, prepared.table)
    wanted = select(prepared, table)
    page = await read_page(context, wanted, start, request.get("Limit"))
    items, _ = await read_path.selected(wanted.reading, page.rows)
    response: dict[str, Any] = {"Items": items}
    if page.following is not None:
        response["NextToken"] = to_token(page.following, request)
    if page.last_key is not None:
        response["LastEvaluatedKey"] = page.last_key
    if prepared.capacity is not None:
        response["ConsumedCapacity"] = page.consumed.describe(prepared.table, prepared.capacity)
    return response


async def _write(context: Context, caller: Caller, prepared: Prepared[Writing]) -> dict[str, Any]:
    plan = writes.plan(prepared)
    table = await require_table(context, caller, prepared.table)
    written = await apply(context, plan.bind(table))
    attributes = plan.attributes(written)
    response: dict[str, Any] = {"Items": [] if attributes is None else [attributes]}
    if prepared.capacity is not None:
        consumed = write_path.consumed(table, written)
        response["ConsumedCapacity"] = consumed.describe(prepared.table, prepared.capacity)
    return response
