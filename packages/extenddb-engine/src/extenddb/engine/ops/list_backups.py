"""ListBackups: backups of one table or of all, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import control_table_name
from extenddb.engine.backups import backup, records
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import rules

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListBackupsInput

_LIMIT = 100


async def list_backups(context: Context, caller: Caller, request: ListBackupsInput) -> dict[str, Any]:
    """Answer ListBackups."""
    low, high = request.get("TimeRangeLowerBound"), request.get("TimeRangeUpperBound")
    if low is not None and high is not None and low > high:
        raise rules.invalid("Time range lower bound must be less than or equal to upper bound")
    prefix = f"{context.namespace(caller)}/"
    if request.get("TableName") is not None:
        prefix += f"{control_table_name(request['TableName'])}/"
    start = request.get("ExclusiveStartBackupArn")
    if start is not None:
        backup.check_arn(caller, start)
    after = BACKUPS.key(context, caller, start) if start is not None else None
    limit, now = request.get("Limit") or _LIMIT, context.clock() / 1000
    found = [
        backup.listed(body)
        for key, body in await records.listed(context, BACKUPS, prefix)
        if (after is None or records.order(key) > records.order(after)) and backup.is_there(body, now)
    ]
    found = [summary for summary in found if _wanted(summary, request)]
    response: dict[str, Any] = {"BackupSummaries": found[:limit]}
    if len(found) > limit:
        response["LastEvaluatedBackupArn"] = found[limit - 1]["BackupArn"]
    return response


def _wanted(summary: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """Tell whether a summary has the asked type and time; without a type those made on request are meant.

    The upper bound is exclusive.
    """
    made = summary["BackupCreationDateTime"]
    low, high = request.get("TimeRangeLowerBound"), request.get("TimeRangeUpperBound")
    if (low is not None and made < low) or (high is not None and made >= high):
        return False
    return (request.get("BackupType") or backup.USER) in ("ALL", summary["BackupType"])
