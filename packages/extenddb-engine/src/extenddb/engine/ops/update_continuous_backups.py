"""UpdateContinuousBackups: switch point-in-time recovery of a table, or change how far it goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.engine import codec
from extenddb.engine.backups import recovery
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.table import Table

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateContinuousBackupsInput


async def update_continuous_backups(
    context: Context, caller: Caller, request: UpdateContinuousBackupsInput
) -> dict[str, Any]:
    """Answer UpdateContinuousBackups."""
    specification = request["PointInTimeRecoverySpecification"]
    if not specification["PointInTimeRecoveryEnabled"] and specification.get("RecoveryPeriodInDays") is not None:
        raise validation("Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.")
    table = await recovery.require_table(context, caller, request["TableName"])
    recovery.check_filled(table)
    if specification["PointInTimeRecoveryEnabled"]:
        table = await _enable(context, table, specification.get("RecoveryPeriodInDays"))
    else:
        table = await _disable(context, table)
    return {"ContinuousBackupsDescription": recovery.described(table, context.clock())}


async def _enable(context: Context, table: Table, days: int | None) -> Table:
    stream = context.ids().replace("-", "")
    namespace, name = table.record.namespace, table.definition.name
    if recovery.of(table) is None:  # first on record, so that a log without a table is found and removed
        body = codec.dump({"Namespace": namespace, "Table": name, "Created": context.clock()})
        await context.backend.documents.put(recovery.KIND, stream, body, expected=0)

    def edit(current: Table) -> Table:
        known = recovery.of(current)
        if known is None:
            now = context.clock()
            return recovery.enabled(current, stream=stream, days=days or recovery.DEFAULT_DAYS, now_ms=now)
        kept = {**known, "Days": days or known["Days"]}
        return current.edited(settings={**current.settings, recovery.SETTING: kept})

    changed = await change_table(context, namespace, name, edit)
    if changed is None:
        raise recovery.table_not_found(name)
    return changed


async def _disable(context: Context, table: Table) -> Table:
    known = recovery.of(table)
    if known is None:
        return table
    changed = await change_table(context, table.record.namespace, table.definition.name, recovery.disabled)
    if changed is None:
        raise recovery.table_not_found(table.definition.name)
    await context.backend.streams.drop(known["Stream"])
    await context.backend.documents.delete(recovery.KIND, known["Stream"])
    return changed
