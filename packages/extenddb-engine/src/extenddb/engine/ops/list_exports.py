"""ListExports: exports of one table or of all, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import table_name
from extenddb.engine.backups import records
from extenddb.engine.backups.records import EXPORTS
from extenddb.engine.context import Caller, Context
from extenddb.engine.exports.layout import FULL

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListExportsInput

_MEMBERS = ("ExportArn", "ExportStatus", "ExportType")


async def list_exports(context: Context, caller: Caller, request: ListExportsInput) -> dict[str, Any]:
    """Answer ListExports. Of a table that was deleted, or made anew, the exports there were are not listed by it."""
    arn = request.get("TableArn")
    prefix = records.prefix_of(context, caller, arn)
    table_id = None if arn is None else await _table_id(context, caller, arn)
    found, token = await records.newest(
        context,
        EXPORTS,
        prefix,
        limit=request.get("MaxResults") or records.PAGE,
        token=request.get("NextToken"),
        wanted=lambda body: arn is None or body["TableId"] == table_id,
    )
    summaries = [{name: {"ExportType": FULL, **body}[name] for name in _MEMBERS} for body in found]
    response: dict[str, Any] = {"ExportSummaries": summaries}
    return response if token is None else {**response, "NextToken": token}


async def _table_id(context: Context, caller: Caller, arn: str) -> str | None:
    table = await context.tables.load(context.namespace(caller), table_name(arn))
    return None if table is None else str(table.description["TableId"])
