"""StartBulkPutItems: put what the objects of a bucket hold into a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import IDEMPOTENT_PARAMETER_MISMATCH, ServiceError, validation
from extenddb.engine.backups import records
from extenddb.engine.backups.records import BULK
from extenddb.engine.buckets import BucketError
from extenddb.engine.context import Caller, Context
from extenddb.engine.imports import bulk
from extenddb.engine.imports.reading import total_bytes
from extenddb.engine.imports.request import check
from extenddb.engine.jobs.beginning import begin
from extenddb.engine.jobs.bulk_put import bulk_state
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.tables.filling import require_filled
from extenddb.engine.tables.settings import require_any

if TYPE_CHECKING:
    from extenddb.core.model.requests import StartBulkPutItemsInput

_MISMATCH = "The client token was already used with different parameters"


async def start_bulk_put_items(context: Context, caller: Caller, request: StartBulkPutItemsInput) -> dict[str, Any]:
    """Answer StartBulkPutItems. A repeated ClientToken is answered with the operation it began."""
    table = await require_any(context, caller, request["TableName"])
    require_filled(table)
    given = request["InputS3Configuration"]
    check(given["InputFormat"], given.get("InputCompressionType") or "NONE", None)
    bulk.check_output(request["OutputS3Configuration"])
    try:
        total = await total_bytes(context, bulk.source(given, table))
    except BucketError as error:
        raise validation(f"One or more parameter values were invalid: {error}") from error
    arn = BULK.arn(table.description["TableArn"], records.new_id(context))
    mismatch = ServiceError(IDEMPOTENT_PARAMETER_MISMATCH, _MISMATCH)
    arn = await records.claim(context, caller, request, arn=arn, mismatch=mismatch)
    key = BULK.key(context, caller, arn) or ""
    known = await records.find(context, BULK, key)
    if known is not None:
        return {"BulkOperationDescription": known}
    description = bulk.described(request, table, arn=arn, total=total, now_ms=context.clock())
    begun, job = await begin(context, BULK, key, "bulk put", bulk_state(table, key), description)
    await settled(context, job)
    return {"BulkOperationDescription": begun}
