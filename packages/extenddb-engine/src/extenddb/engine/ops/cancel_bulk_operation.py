"""CancelBulkOperation: stop a bulk operation; what it has written stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import resource_not_found
from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK, Body
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import CancelBulkOperationInput


async def cancel_bulk_operation(context: Context, caller: Caller, request: CancelBulkOperationInput) -> dict[str, Any]:
    """Answer CancelBulkOperation. One that has ended is answered with how it ended."""
    arn = request["BulkOperationArn"]
    missing = resource_not_found(f"Requested resource not found: Bulk operation: {arn} not found")
    key, body = await records.require(context, caller, BULK, arn, missing)

    def cancelled(current: Body) -> Body | None:
        if current["BulkOperationStatus"] != "IN_PROGRESS":
            return None
        return {**current, "BulkOperationStatus": "CANCELLING"}

    body = await records.change(context, BULK, key, cancelled) or await records.find(context, BULK, key) or body
    return {"BulkOperationArn": arn, "BulkOperationStatus": body["BulkOperationStatus"]}
