"""Point-in-time recovery of a table: its log of changes, and the window one can go back in.

Enabling it makes every write leave the item as it was before in a log, in the same transaction. The window begins with
that moment: what the table held before is known by undoing everything since.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from extenddb.core.arn import control_table_name
from extenddb.core.errors import (
    CONTINUOUS_BACKUPS_UNAVAILABLE,
    POINT_IN_TIME_RECOVERY_UNAVAILABLE,
    TABLE_NOT_FOUND,
    ServiceError,
)
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import filling
from extenddb.engine.tables.table import Table

SETTING = "Recovery"
"""Subject of a table's settings, and purpose of its capture."""
KIND = "recovery"
"""Kind of the documents that say which logs there are: namespace and name of the table, by the log's stream."""
DAY_MS = 24 * 60 * 60 * 1000
DEFAULT_DAYS = 35
"""RecoveryPeriodInDays when none is given, and the most there is."""
_LAST_SECOND = 253_402_300_799  # of the year 9999
MARGIN_MS = 60 * 60 * 1000
"""How much longer than the window changes are kept, for work that began at its edge."""


def enabled(table: Table, *, stream: str, days: int, now_ms: int) -> Table:
    """Return the table with recovery from now on."""
    captures = table.settings.get("Captures", {})
    capture = {"Stream": stream, "Old": True, "New": False}
    recovery = {"Stream": stream, "Since": now_ms, "Days": days}
    settings = {**table.settings, SETTING: recovery, "Captures": {**captures, SETTING: capture}}
    return table.edited(settings=settings)


def disabled(table: Table) -> Table:
    """Return the table without recovery."""
    captures = {purpose: each for purpose, each in table.settings.get("Captures", {}).items() if purpose != SETTING}
    settings = {name: each for name, each in table.settings.items() if name != SETTING}
    return table.edited(settings={**settings, "Captures": captures})


def of(table: Table) -> Mapping[str, Any] | None:
    """Return `Stream`, `Since` and `Days` of a table's recovery; None while it is disabled."""
    found: Mapping[str, Any] | None = table.settings.get(SETTING)
    return found


def earliest(recovery: Mapping[str, Any], now_ms: int) -> int:
    """Return the begin of the window, in milliseconds since the epoch."""
    return max(int(recovery["Since"]), now_ms - int(recovery["Days"]) * DAY_MS)


def described(table: Table, now_ms: int) -> dict[str, Any]:
    """Return a table's ContinuousBackupsDescription. The window ends now, as nothing has to be copied first.

    Its bounds are whole seconds, as in the AWS CLI's examples.
    """
    recovery = of(table)
    if recovery is None:
        point_in_time: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    else:
        point_in_time = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery["Days"],
            "EarliestRestorableDateTime": earliest(recovery, now_ms) // 1000,
            "LatestRestorableDateTime": now_ms // 1000,
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": point_in_time}


def utc_second(moment_ms: int) -> str:
    """Return a time, given in milliseconds, as texts of errors print it; of times out of bounds the nearest."""
    seconds = min(max(moment_ms // 1000, 0), _LAST_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def table_not_found(name: str) -> ServiceError:
    """Return the error of the operations on backups for a table that is not there."""
    return ServiceError(TABLE_NOT_FOUND, f"Table not found: {name}")


async def require_table(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return the table of a member that is a name or an ARN.

    Raises TableNotFoundException, also for one that is being restored.
    """
    name = control_table_name(name_or_arn)
    table = await context.tables.load(context.namespace(caller), name)
    if table is None or filling.restoring(table):
        raise table_not_found(name)
    return table


def check_filled(table: Table) -> None:
    """Raise a ContinuousBackupsUnavailableException for a table that is being imported."""
    if table.filling:
        raise ServiceError(
            CONTINUOUS_BACKUPS_UNAVAILABLE,
            f"Backups are being enabled for the table: {table.definition.name}. Please retry later",
        )


def require(table: Table) -> Mapping[str, Any]:
    """Return a table's recovery. Raises PointInTimeRecoveryUnavailableException while it is disabled."""
    recovery = of(table)
    if recovery is None:
        raise ServiceError(
            POINT_IN_TIME_RECOVERY_UNAVAILABLE,
            f"Point in time recovery is not enabled for table '{table.definition.name}'",
        )
    return recovery
