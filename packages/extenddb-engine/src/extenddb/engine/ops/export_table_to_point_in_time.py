"""ExportTableToPointInTime: a table as it was, or what changed in a period, written to a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import EXPORT_CONFLICT, ServiceError
from extenddb.engine.backups import records, recovery
from extenddb.engine.backups.records import EXPORTS
from extenddb.engine.context import Caller, Context
from extenddb.engine.exports.request import described
from extenddb.engine.jobs.beginning import begin
from extenddb.engine.jobs.export import export_state
from extenddb.engine.jobs.waiting import settled

if TYPE_CHECKING:
    from extenddb.core.model.requests import ExportTableToPointInTimeInput

_MISMATCH = "The client token was already used with different parameters"


async def export_table_to_point_in_time(
    context: Context, caller: Caller, request: ExportTableToPointInTimeInput
) -> dict[str, Any]:
    """Answer ExportTableToPointInTime. A repeated ClientToken is answered with the export it began."""
    table = await recovery.require_table(context, caller, request["TableArn"])
    arn = EXPORTS.arn(table.description["TableArn"], records.new_id(context))
    description = described(table, request, arn=arn, now_ms=context.clock())
    mismatch = ServiceError(EXPORT_CONFLICT, _MISMATCH)
    claimed = await records.claim(context, caller, request, arn=arn, mismatch=mismatch)
    key = EXPORTS.key(context, caller, claimed) or ""
    known = await records.find(context, EXPORTS, key)
    if known is not None:
        return {"ExportDescription": known}
    description["ExportArn"] = claimed
    state = export_state(table, description, key=key, stream=recovery.require(table)["Stream"])
    begun, job = await begin(context, EXPORTS, key, "export", state, description)
    await settled(context, job)
    return {"ExportDescription": begun}
