"""DescribeExport: how far an export is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import EXPORT_NOT_FOUND, ServiceError
from extenddb.engine.backups import records
from extenddb.engine.backups.records import EXPORTS
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeExportInput


async def describe_export(context: Context, caller: Caller, request: DescribeExportInput) -> dict[str, Any]:
    """Answer DescribeExport."""
    arn = request["ExportArn"]
    EXPORTS.check(caller, arn)
    missing = ServiceError(EXPORT_NOT_FOUND, f"Export not found: Export not found: {arn}")
    _, body = await records.require(context, caller, EXPORTS, arn, missing)
    return {"ExportDescription": body}
