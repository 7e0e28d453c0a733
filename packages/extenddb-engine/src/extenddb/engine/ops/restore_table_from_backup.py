"""RestoreTableFromBackup: a new table with what a backup holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn, check_length
from extenddb.core.errors import BACKUP_IN_USE, ServiceError
from extenddb.engine.backups import backup, restoring
from extenddb.engine.backups.starting import check_free, planned
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs import restore
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.tables import describe

if TYPE_CHECKING:
    from extenddb.core.model.requests import RestoreTableFromBackupInput


async def restore_table_from_backup(
    context: Context, caller: Caller, request: RestoreTableFromBackupInput
) -> dict[str, Any]:
    """Answer RestoreTableFromBackup. The answer says CREATING; small tables are ACTIVE when it arrives."""
    backup_arn, name = request["BackupArn"], request["TargetTableName"]
    check_length("TableName", name)
    key, body = await backup.require(context, caller, backup_arn)
    details = body["Description"]["BackupDetails"]
    if details["BackupStatus"] != backup.AVAILABLE:
        raise ServiceError(BACKUP_IN_USE, f"Backup is being created: {backup_arn}")
    arn = TableArn(region=caller.region, account=caller.account, table=name)
    description = restoring.restored(body["Table"], request, arn=arn, table_id=context.ids(), now_ms=context.clock())
    description["RestoreSummary"] = restoring.summary(
        source_arn=body["Table"]["TableArn"],
        backup_arn=backup_arn,
        moment_ms=round(details["BackupCreationDateTime"] * 1000),
    )
    namespace = context.namespace(caller)
    await check_free(context, namespace, name)
    if await restore.is_restored_from(context, key):
        raise ServiceError(BACKUP_IN_USE, f"Backup is being used to restore another table: {backup_arn}")
    table = planned(context, namespace, description)
    state = restore.from_backup(table, key, backup.space_of(body))
    await settled(context, await restore.begin_restore(context, table, state))
    return {"TableDescription": describe.creating(table, {})}
