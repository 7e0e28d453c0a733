"""RestoreTableToPointInTime: a new table that is as another was at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import INVALID_RESTORE_TIME, ServiceError, validation
from extenddb.engine.backups import records, recovery, restoring
from extenddb.engine.backups.starting import planned
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs import restore
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.tables import describe

if TYPE_CHECKING:
    from extenddb.core.model.requests import RestoreTableToPointInTimeInput


async def restore_table_to_point_in_time(
    context: Context, caller: Caller, request: RestoreTableToPointInTimeInput
) -> dict[str, Any]:
    """Answer RestoreTableToPointInTime. The answer says CREATING; small tables are ACTIVE when it arrives."""
    source = await recovery.require_table(context, caller, _source(request))
    window = recovery.require(source)
    moment = _moment(request, window, context.clock())
    name = request["TargetTableName"]
    arn = TableArn(region=caller.region, account=caller.account, table=name)
    description = restoring.restored(
        source.description, request, arn=arn, table_id=context.ids(), now_ms=context.clock()
    )
    description["RestoreSummary"] = restoring.summary(
        source_arn=source.description["TableArn"], backup_arn=None, moment_ms=moment
    )
    table = planned(context, context.namespace(caller), description)
    state = restore.from_table(table, source, stream=window["Stream"], since=moment + 1, id_=records.new_id(context))
    await settled(context, await restore.begin_restore(context, table, state))
    return {"TableDescription": describe.creating(table, {})}


def _source(request: Mapping[str, Any]) -> str:
    given = [request[member] for member in ("SourceTableName", "SourceTableArn") if request.get(member) is not None]
    if len(given) != 1:
        raise validation(
            "One or more parameter values were invalid: exactly one of SourceTableName and SourceTableArn is required"
        )
    return str(given[0])


def _moment(request: Mapping[str, Any], window: Mapping[str, Any], now_ms: int) -> int:
    """Return the time to go back to, in milliseconds. Raises InvalidRestoreTimeException outside the window."""
    seconds = request.get("RestoreDateTime")
    if bool(request.get("UseLatestRestorableTime")) == (seconds is not None):
        raise validation(
            "One or more parameter values were invalid: exactly one of RestoreDateTime and UseLatestRestorableTime "
            "is required"
        )
    if seconds is None:
        return now_ms
    moment: int = round(seconds * 1000)
    # Clients give whole seconds: the second in which the window begins is part of it.
    earliest = recovery.earliest(window, now_ms) // 1000 * 1000
    if not earliest <= moment <= now_ms:
        raise ServiceError(
            INVALID_RESTORE_TIME,
            "The restore time must be between EarliestRestorableDateTime and LatestRestorableDateTime",
        )
    return max(moment, int(window["Since"]))
