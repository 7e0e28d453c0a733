"""Waiting rules of the service, which hold only with `EngineSettings.strict_waits`. Pure.

By default nothing has to be waited for: what is asked for is done when the answer arrives. With the rules, some
changes are refused when they come too often, and a table shows CREATING, UPDATING or DELETING for `delay_seconds`
after a change; items can be read and written meanwhile. Until when it does stands in the table's settings, so that no
job is needed to end it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from extenddb.core.errors import LIMIT_EXCEEDED, RESOURCE_IN_USE, ServiceError, validation
from extenddb.engine.tables.table import Table

SUBJECT = "Transition"
"""Where a table's settings hold the status that it shows, and until when."""
FREE_DECREASES = 4
"""Decreases of throughput in a day that need no pause before them (Quotas, Decreasing provisioned throughput)."""
PAUSE_SECONDS = 3600
"""Pause before each further decrease, and between two changes of time to live."""
_DAY_SECONDS = 86_400
_IN_USE = "Attempt to change a resource which is still in use: "
_BUSY = {
    "CREATING": "Table is being created: {}",
    "UPDATING": "Table: {} is in the process of being updated.",
    "DELETING": "Table is being deleted: {}",
}


def transition(settings: Mapping[str, Any], status: str, now_ms: int, delay_seconds: float) -> dict[str, Any]:
    """Return a table's settings with a status to be shown for a while; without a delay there is none."""
    if delay_seconds <= 0:
        return dict(settings)
    return {**settings, SUBJECT: {"Status": status, "Until": now_ms + int(delay_seconds * 1000)}}


def status_shown(table: Table, now_ms: int) -> str | None:
    """Return the status a table shows instead of its own; None when no change is under way."""
    shown = table.settings.get(SUBJECT)
    if shown is None or (now_ms >= shown["Until"] and shown["Status"] != "DELETING"):
        return None
    status: str = shown["Status"]
    return status


def deletion_due(table: Table, now_ms: int) -> bool:
    """Tell whether a table has shown DELETING for long enough."""
    shown = table.settings.get(SUBJECT, {})
    return bool(shown.get("Status") == "DELETING" and now_ms >= shown["Until"])


def check_idle(table: Table, now_ms: int) -> None:
    """Raise a ResourceInUseException while a change of the table is under way."""
    status = status_shown(table, now_ms)
    if status is not None:
        raise busy(status, table.definition.name)


def busy(status: str, name: str) -> ServiceError:
    """Return the error for a change of a table that shows a status other than ACTIVE."""
    return ServiceError(RESOURCE_IN_USE, _IN_USE + _BUSY[status].format(name))


def check_made(table: Table, now_ms: int) -> None:
    """Raise a ResourceInUseException for a change of time to live while the table is made."""
    if status_shown(table, now_ms) == "CREATING":
        raise ServiceError(RESOURCE_IN_USE, f"{_IN_USE}Table {table.definition.name} is being created")


def decreased(current: Mapping[str, Any], now_ms: int, *, strict: bool) -> dict[str, Any]:
    """Return what a decrease of throughput changes in its description, days being those of UTC.

    Raises a LimitExceededException for one too many if the rules hold.
    """
    seconds = now_ms / 1000
    last = current.get("LastDecreaseDateTime")
    today = current["NumberOfDecreasesToday"] if last is not None and _day(last) == _day(seconds) else 0
    if strict and last is not None and today >= FREE_DECREASES and seconds < last + PAUSE_SECONDS:
        following = min(last + PAUSE_SECONDS, (_day(seconds) + 1) * _DAY_SECONDS)
        raise ServiceError(
            LIMIT_EXCEEDED,
            "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After "
            f"the first {FREE_DECREASES} decreases, each subsequent decrease in the same UTC day can be performed at "
            f"most once every {PAUSE_SECONDS} seconds. Number of decreases today: {today}. "
            f"Last decrease at {_moment(last)}. Next decrease can be made at {_moment(following)}",
        )
    return {"NumberOfDecreasesToday": today + 1, "LastDecreaseDateTime": seconds}


def check_time_to_live(changed_ms: int | None, now_ms: int) -> None:
    """Raise a ValidationException for a change of time to live too soon after the last one."""
    if changed_ms is not None and now_ms < changed_ms + PAUSE_SECONDS * 1000:
        raise validation("Time to live has been modified multiple times within a fixed interval")


def _day(seconds: float) -> int:
    return int(seconds) // _DAY_SECONDS


def _moment(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%A, %B} {at.day}, {at.year} at {at.hour % 12 or 12}:{at:%M:%S %p} Coordinated Universal Time"
