"""RestoreTableToPointInTime: a new table that is as another was at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn, check_length, parse_table
from extenddb.core.errors import INVALID_RESTORE_TIME, ServiceError, validation
from extenddb.engine.backups import records, recovery, restoring
from extenddb.engine.backups.recovery import utc_second
from extenddb.engine.backups.starting import check_free, planned
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs import restore
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.policies import OTHER_ACCOUNT
from extenddb.engine.tables import describe, rules

if TYPE_CHECKING:
    from extenddb.core.model.requests import RestoreTableToPointInTimeInput


async def restore_table_to_point_in_time(
    context: Context, caller: Caller, request: RestoreTableToPointInTimeInput
) -> dict[str, Any]:
    """Answer RestoreTableToPointInTime. The answer says CREATING; small tables are ACTIVE when it arrives."""
    name = request["TargetTableName"]
    check_length("TableName", name)
    _check_moment(request)
    source = await recovery.require_table(context, caller, _source(request, caller))
    window = recovery.require(source)
    moment = _moment(request, window, context.clock())
    arn = TableArn(region=caller.region, account=caller.account, table=name)
    description = restoring.restored(
        source.description, request, arn=arn, table_id=context.ids(), now_ms=context.clock()
    )
    description["RestoreSummary"] = restoring.summary(
        source_arn=source.description["TableArn"], backup_arn=None, moment_ms=moment
    )
    namespace = context.namespace(caller)
    await check_free(context, namespace, name)
    table = planned(context, namespace, description)
    state = restore.from_table(table, source, stream=window["Stream"], since=moment + 1, id_=records.new_id(context))
    await settled(context, await restore.begin_restore(context, table, state))
    return {"TableDescription": describe.creating(table, {})}


def _source(request: Mapping[str, Any], caller: Caller) -> str:
    name, arn = request.get("SourceTableName"), request.get("SourceTableArn")
    if name is None and arn is None:
        raise validation("The parameter 'TableName' is required but was not present in the request")
    if arn is None:
        return str(name)
    if name is not None:
        raise validation("Invalid Request: Must provide exactly one of: sourceTableArn, sourceTableName")
    parsed = parse_table(arn)
    if parsed is None:
        raise rules.invalid("sourceTableArn is not a valid ARN")
    if parsed.account != caller.account:
        raise validation(OTHER_ACCOUNT)
    return str(arn)


def _check_moment(request: Mapping[str, Any]) -> None:
    """Raise a ValidationException unless exactly one moment is asked for."""
    latest, given = request.get("UseLatestRestorableTime"), request.get("RestoreDateTime") is not None
    if latest and given:
        raise validation(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time "
            "restore request. Please specify only one of them"
        )
    if not latest and not given:
        raise validation(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both"
        )


def _moment(request: Mapping[str, Any], window: Mapping[str, Any], now_ms: int) -> int:
    """Return the time to go back to, in milliseconds. Raises InvalidRestoreTimeException outside the window."""
    seconds = request.get("RestoreDateTime")
    if seconds is None:
        return now_ms
    moment: int = round(seconds * 1000)
    # Clients give whole seconds: the second in which the window begins is part of it.
    earliest = recovery.earliest(window, now_ms) // 1000 * 1000
    if not earliest <= moment <= now_ms:
        asked, first, last = map(utc_second, (moment, earliest, now_ms))
        raise ServiceError(
            INVALID_RESTORE_TIME,
            f"RestoreDateTime '{asked}' must be within EarliestRestorableDateTime '{first}' and "
            f"LatestRestorableDateTime '{last}'",
        )
    return max(moment, int(window["Since"]))
