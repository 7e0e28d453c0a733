"""ListTables: the caller's table names, in order, by pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.limits import LIST_TABLES
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListTablesInput


async def list_tables(context: Context, caller: Caller, request: ListTablesInput) -> dict[str, Any]:
    """Answer ListTables."""
    limit = request.get("Limit") or LIST_TABLES
    names = await context.backend.catalog.names(
        context.namespace(caller), after=request.get("ExclusiveStartTableName") or "", limit=limit + 1
    )
    response: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        response["LastEvaluatedTableName"] = names[limit - 1]
    return response
