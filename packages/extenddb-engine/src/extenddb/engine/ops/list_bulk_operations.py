"""ListBulkOperations: the caller's bulk operations, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListBulkOperationsInput

_LIMIT = 10
_MEMBERS = ("BulkOperationArn", "BulkOperationStatus", "StartTime", "EndTime")


async def list_bulk_operations(context: Context, caller: Caller, request: ListBulkOperationsInput) -> dict[str, Any]:
    """Answer ListBulkOperations."""
    prefix = records.prefix_of(context, caller, None)
    limit = request.get("MaxResults") or _LIMIT
    found, token = await records.newest(context, BULK, prefix, limit=limit, token=request.get("NextToken"))
    summaries = [{name: body[name] for name in _MEMBERS if name in body} for body in found]
    response: dict[str, Any] = {"BulkOperationsSummaryList": summaries}
    return response if token is None else {**response, "NextToken": token}
