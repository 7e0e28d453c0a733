"""DescribeTable: a table's description, with its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import describe, waits
from extenddb.engine.tables.settings import require_any

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeTableInput


async def describe_table(context: Context, caller: Caller, request: DescribeTableInput) -> dict[str, Any]:
    """Answer DescribeTable."""
    table = await require_any(context, caller, request["TableName"])
    estimates = await context.backend.catalog.estimate(table.space)
    status = waits.status_shown(table, context.clock())
    answer = describe.today(
        describe.described(table, estimates, None if status == "UPDATING" else status), context.clock()
    )
    return {"Table": answer if status is None else {**answer, "TableStatus": status}}
