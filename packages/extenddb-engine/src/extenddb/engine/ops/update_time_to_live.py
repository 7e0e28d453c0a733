"""UpdateTimeToLive: say which attribute holds the time at which items expire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.engine import ttl
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs.backfill import backfill_state
from extenddb.engine.jobs.runner import start_job
from extenddb.engine.tables import waits
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.filling import require_filled
from extenddb.engine.tables.settings import require_any, table_not_found
from extenddb.engine.tables.table import Table

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateTimeToLiveInput

_CHANGED = "TimeToLiveChanged"  # when time to live was changed last, in the table's settings


async def update_time_to_live(context: Context, caller: Caller, request: UpdateTimeToLiveInput) -> dict[str, Any]:
    """Answer UpdateTimeToLive."""
    specification = request["TimeToLiveSpecification"]
    before = await require_any(context, caller, request["TableName"])
    require_filled(before)
    after = await change_table(
        context, before.record.namespace, before.definition.name, lambda table: _edited(context, table, specification)
    )
    if after is None:
        raise table_not_found(before.definition.name)
    if after.ttl is not None:
        await start_job(context, "backfill", backfill_state(after, [ttl.INDEX]))
    return {"TimeToLiveSpecification": specification}


def _edited(context: Context, table: Table, specification: Mapping[str, Any]) -> Table:
    """Return the table with time to live switched; raises when it already is as asked."""
    attribute = specification["AttributeName"]
    if context.settings.strict_waits:
        waits.check_made(table, context.clock())
    if specification["Enabled"]:
        if table.ttl == attribute:
            raise validation("TimeToLive is already enabled")
        _check_attribute(table, attribute)
        chosen = {"AttributeName": attribute, ttl.FILLING: True}
        return table.edited(settings={**_stamped(context, table), "TimeToLive": chosen}, hidden=(ttl.INDEX,))
    if table.ttl is None:
        raise validation("TimeToLive is already disabled")
    _check_attribute(table, attribute)
    settings = {name: value for name, value in _stamped(context, table).items() if name != "TimeToLive"}
    return table.edited(settings=settings, hidden=())


def _check_attribute(table: Table, attribute: str) -> None:
    if table.ttl not in (None, attribute):
        raise validation(f"TimeToLive is active on a different AttributeName: current AttributeName is {table.ttl}")


def _stamped(context: Context, table: Table) -> Mapping[str, Any]:
    """Return the table's settings with the time of this change, where the waiting rules ask for it."""
    if not context.settings.strict_waits:
        return table.settings
    waits.check_time_to_live(table.settings.get(_CHANGED), context.clock())
    return {**table.settings, _CHANGED: context.clock()}
