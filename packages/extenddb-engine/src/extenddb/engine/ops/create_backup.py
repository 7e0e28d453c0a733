"""CreateBackup: a copy of a table as it is when the request is answered, kept until it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import LIMIT_EXCEEDED, ServiceError
from extenddb.engine.backups import backup, records, recovery
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs.backup import backup_state, begin_capture
from extenddb.engine.jobs.beginning import begin_at_once
from extenddb.engine.jobs.waiting import settled

if TYPE_CHECKING:
    from extenddb.core.model.requests import CreateBackupInput

_AT_ONCE = 50
"""Backups of one table that are made at the same time (quotas of the service, per account)."""


async def create_backup(context: Context, caller: Caller, request: CreateBackupInput) -> dict[str, Any]:
    """Answer CreateBackup. The answer says CREATING as the service's does; small backups are made when it arrives."""
    table = await recovery.require_table(context, caller, request["TableName"])
    recovery.check_filled(table)
    if len(table.captures) >= _AT_ONCE:
        raise ServiceError(LIMIT_EXCEEDED, f"At most {_AT_ONCE} backups are made at the same time")
    id_ = records.new_id(context)
    key = records.key_of(table.record.namespace, table.definition.name, id_)
    estimate = (await context.backend.catalog.estimate(table.space))[None]
    state = backup_state(table, key, id_, context.ids().replace("-", ""))
    made = backup.new(table, request["BackupName"], id_, estimate, context.clock())
    body, job = await begin_at_once(context, BACKUPS, key, "backup", state, made, begin_capture)
    await settled(context, job)
    return {"BackupDetails": body["Description"]["BackupDetails"]}
