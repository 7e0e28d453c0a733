"""ListExports: exports of one table or of all, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.backups import records
from extenddb.engine.backups.records import EXPORTS
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListExportsInput

_LIMIT = 25


async def list_exports(context: Context, caller: Caller, request: ListExportsInput) -> dict[str, Any]:
    """Answer ListExports."""
    prefix = records.prefix_of(context, caller, request.get("TableArn"))
    limit = request.get("MaxResults") or _LIMIT
    found, token = await records.newest(context, EXPORTS, prefix, limit=limit, token=request.get("NextToken"))
    members = ("ExportArn", "ExportStatus", "ExportType")
    response: dict[str, Any] = {"ExportSummaries": [{name: body[name] for name in members} for body in found]}
    return response if token is None else {**response, "NextToken": token}
