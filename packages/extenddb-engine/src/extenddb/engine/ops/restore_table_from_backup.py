"""RestoreTableFromBackup: a new table with what a backup holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import BACKUP_IN_USE, TABLE_ALREADY_EXISTS, ServiceError
from extenddb.engine.backups import backup, records, restoring
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.backups.starting import create_filling
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs import restore
from extenddb.engine.jobs.runner import start_job
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.tables import describe

if TYPE_CHECKING:
    from extenddb.core.model.requests import RestoreTableFromBackupInput


async def restore_table_from_backup(
    context: Context, caller: Caller, request: RestoreTableFromBackupInput
) -> dict[str, Any]:
    """Answer RestoreTableFromBackup. The answer says CREATING; small tables are ACTIVE when it arrives."""
    backup_arn = request["BackupArn"]
    key, body = await records.require(context, caller, BACKUPS, backup_arn, backup.not_found(backup_arn))
    details = body["Description"]["BackupDetails"]
    if details["BackupStatus"] != backup.AVAILABLE:
        raise ServiceError(BACKUP_IN_USE, f"Backup is being created: {backup_arn}")
    name = request["TargetTableName"]
    arn = TableArn(region=caller.region, account=caller.account, table=name)
    description = restoring.restored(body["Table"], request, arn=arn, table_id=context.ids(), now_ms=context.clock())
    description["RestoreSummary"] = restoring.summary(
        source_arn=body["Table"]["TableArn"],
        backup_arn=backup_arn,
        moment_ms=round(details["BackupCreationDateTime"] * 1000),
    )
    taken = ServiceError(TABLE_ALREADY_EXISTS, f"Table already exists: {name}")
    table = await create_filling(context, context.namespace(caller), description, taken)
    job = await start_job(context, "restore", restore.from_backup(table, key, backup.space(body["Id"])))
    await settled(context, job)
    return {"TableDescription": describe.described(table, {}, "CREATING")}
