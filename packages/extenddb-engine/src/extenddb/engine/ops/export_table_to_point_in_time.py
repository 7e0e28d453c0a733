"""ExportTableToPointInTime: a table as it was, or what changed in a period, written to a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import parse_table
from extenddb.core.errors import ACCESS_DENIED, EXPORT_CONFLICT, ServiceError, validation
from extenddb.engine.backups import records, recovery
from extenddb.engine.backups.records import EXPORTS
from extenddb.engine.context import Caller, Context
from extenddb.engine.exports.request import check_shape, described
from extenddb.engine.jobs.beginning import begin
from extenddb.engine.jobs.export import export_state
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.tables import rules
from extenddb.engine.tables.table import Table

if TYPE_CHECKING:
    from extenddb.core.model.requests import ExportTableToPointInTimeInput

_MISMATCH = "Export conflict: Duplicate request detected with conflicting parameters"


async def export_table_to_point_in_time(
    context: Context, caller: Caller, request: ExportTableToPointInTimeInput
) -> dict[str, Any]:
    """Answer ExportTableToPointInTime. A repeated ClientToken is answered with the export it began."""
    check_shape(request)
    table = await _require_table(context, caller, request["TableArn"])
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


async def _require_table(context: Context, caller: Caller, arn: str) -> Table:
    """Return the table of a TableArn. Raises ValidationException, AccessDeniedException, TableNotFoundException."""
    if not arn:
        raise validation("Invalid TableArn: Invalid Table ARN")
    if not arn.startswith("arn:"):
        raise rules.invalid("tableArn is not a valid ARN")
    parsed = parse_table(arn)
    if parsed is None:
        raise validation("Invalid Request: Table ARN is invalid.")
    if parsed.account != caller.account:
        raise ServiceError(ACCESS_DENIED, "Access is denied")
    table = await context.tables.load(context.namespace(caller), parsed.table)
    if table is None or table.filling:
        raise recovery.table_not_found(arn)
    return table
