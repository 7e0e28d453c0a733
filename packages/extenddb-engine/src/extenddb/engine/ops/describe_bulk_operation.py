"""DescribeBulkOperation: how far a bulk operation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import resource_not_found
from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeBulkOperationInput


async def describe_bulk_operation(
    context: Context, caller: Caller, request: DescribeBulkOperationInput
) -> dict[str, Any]:
    """Answer DescribeBulkOperation."""
    arn = request["BulkOperationArn"]
    missing = resource_not_found(f"Requested resource not found: Bulk operation: {arn} not found")
    _, body = await records.require(context, caller, BULK, arn, missing)
    return {"BulkOperationDescription": body}
