"""ListImports: imports into one table or all, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.backups import records
from extenddb.engine.backups.records import IMPORTS
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListImportsInput

_MEMBERS = (
    "ImportArn",
    "ImportStatus",
    "TableArn",
    "S3BucketSource",
    "CloudWatchLogGroupArn",
    "InputFormat",
    "StartTime",
    "EndTime",
)


async def list_imports(context: Context, caller: Caller, request: ListImportsInput) -> dict[str, Any]:
    """Answer ListImports."""
    prefix = records.prefix_of(context, caller, request.get("TableArn"))
    limit = request.get("PageSize") or records.PAGE
    found, token = await records.newest(context, IMPORTS, prefix, limit=limit, token=request.get("NextToken"))
    summaries = [{name: body[name] for name in _MEMBERS if name in body} for body in found]
    response: dict[str, Any] = {"ImportSummaryList": summaries}
    return response if token is None else {**response, "NextToken": token}
