"""Point-in-time recovery of a table: its log of changes, and the window one can go back in.

Enabling it makes every write leave the item as it was before in a log, in the same transaction. The window begins with
that moment: what the table held before is known by undoing everything since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.arn import control_table_name
from extenddb.core.errors import POINT_IN_TIME_RECOVERY_UNAVAILABLE, TABLE_NOT_FOUND, ServiceError
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.table import Table

SETTING = "Recovery"
"""Subject of a table's settings, and purpose of its capture."""
KIND = "recovery"
"""Kind of the documents that say which logs there are: namespace and name of the table, by the log's stream."""
DAY_MS = 24 * 60 * 60 * 1000
DEFAULT_DAYS = 35
"""RecoveryPeriodInDays when none is given, and the most there is."""
MARGIN_MS = 60 * 60 * 1000
"""How much longer than the window changes are kept, for work that began at its edge."""


def enabled(table: Table, *, stream: str, days: int, now_ms: int) -> Table:
    """Return the table with recovery from now on."""
    captures = table.settings.get("Captures", {})
    capture = {"Stream": stream, "Old": True, "New": False}
    recovery = {"Stream": stream, "Since": now_ms, "Days": days}
    settings = {**table.settings, SETTING: recovery, "Captures": {**captures, SETTING: capture}}
    return table.edited(settings=settings, reshape=True)


def disabled(table: Table) -> Table:
    """Return the table without recovery."""
    captures = {purpose: each for purpose, each in table.settings.get("Captures", {}).items() if purpose != SETTING}
    settings = {name: each for name, each in table.settings.items() if name != SETTING}
    return table.edited(settings={**settings, "Captures": captures}, reshape=True)


def of(table: Table) -> Mapping[str, Any] | None:
    """Return `Stream`, `Since` and `Days` of a table's recovery; None while it is disabled."""
    found: Mapping[str, Any] | None = table.settings.get(SETTING)
    return found


def earliest(recovery: Mapping[str, Any], now_ms: int) -> int:
    """Return the begin of the window, in milliseconds since the epoch."""
    return max(int(recovery["Since"]), now_ms - int(recovery["Days"]) * DAY_MS)


def described(table: Table, now_ms: int) -> dict[str, Any]:
    """Return a table's ContinuousBackupsDescription. The window ends now: nothing has to be copied first."""
    recovery = of(table)
    if recovery is None:
        point_in_time: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    else:
        point_in_time = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery["Days"],
            "EarliestRestorableDateTime": earliest(recovery, now_ms) / 1000,
            "LatestRestorableDateTime": now_ms / 1000,
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": point_in_time}


def table_not_found(name: str) -> ServiceError:
    """Return the error of the operations on backups for a table that is not there."""
    return ServiceError(TABLE_NOT_FOUND, f"Table not found: {name}")


async def require_table(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return the table of a member that is a name or an ARN. Raises TableNotFoundException."""
    name = control_table_name(name_or_arn)
    table = await context.tables.load(context.namespace(caller), name)
    if table is None:
        raise table_not_found(name)
    return table


def require(table: Table) -> Mapping[str, Any]:
    """Return a table's recovery. Raises PointInTimeRecoveryUnavailableException while it is disabled."""
    recovery = of(table)
    if recovery is None:
        raise ServiceError(
            POINT_IN_TIME_RECOVERY_UNAVAILABLE,
            f"Point in time recovery is not enabled for table '{table.definition.name}'",
        )
    return recovery
