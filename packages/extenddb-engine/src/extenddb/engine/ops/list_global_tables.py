"""ListGlobalTables: the caller's global tables, by pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine import global_tables
from extenddb.engine.context import Caller, Context
from extenddb.engine.global_tables import GlobalTable

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListGlobalTablesInput

_PAGE = 100


async def list_global_tables(context: Context, caller: Caller, request: ListGlobalTablesInput) -> dict[str, Any]:
    """Answer ListGlobalTables."""
    prefix = global_tables.document_key(caller.account, "")
    start = request.get("ExclusiveStartGlobalTableName")
    after = "" if start is None else f"{prefix}{start}"
    limit = request.get("Limit") or _PAGE
    found: list[GlobalTable] = []
    while len(found) <= limit:
        documents = await context.backend.documents.list(
            global_tables.KIND, prefix=prefix, after=after, limit=_PAGE + 1
        )
        tables = [global_tables.from_body(document.body) for document in documents]
        region = request.get("RegionName")
        found += [table for table in tables if region is None or region in table.regions]
        if len(documents) <= _PAGE:
            break
        after = documents[-1].key
    return _answer(found, limit)


def _answer(found: list[GlobalTable], limit: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "GlobalTables": [
            {
                "GlobalTableName": table.name,
                "ReplicationGroup": [{"RegionName": region} for region in table.regions],
            }
            for table in found[:limit]
        ]
    }
    if len(found) > limit:
        answer["LastEvaluatedGlobalTableName"] = found[limit - 1].name
    return answer
