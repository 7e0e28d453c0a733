"""DeleteBackup: remove a backup and what it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import BACKUP_IN_USE, ServiceError, validation
from extenddb.engine.backups import backup, records
from extenddb.engine.backups.records import BACKUPS, Body
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs.restore import is_restored_from

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteBackupInput


async def delete_backup(context: Context, caller: Caller, request: DeleteBackupInput) -> dict[str, Any]:
    """Answer DeleteBackup. It is deleted once that is on record; what it holds is removed after that."""
    arn = request["BackupArn"]
    key, body = await backup.require(context, caller, arn)
    details = body["Description"]["BackupDetails"]
    if details["BackupType"] == backup.SYSTEM:
        expiry = datetime.fromtimestamp(details["BackupExpiryDateTime"], UTC)
        raise validation(
            f"User is not allowed to delete the system backup with arn {arn}. "
            f"It will automatically expire on {expiry:%Y-%m-%dT%H:%M:%SZ}"
        )
    if details["BackupStatus"] == backup.CREATING:
        raise ServiceError(BACKUP_IN_USE, f"Backup is being created: {arn}")
    if await is_restored_from(context, key):
        raise ServiceError(BACKUP_IN_USE, f"Backup is being used to restore table: {arn}")
    deleted = await records.change(context, BACKUPS, key, _deleted)
    if deleted is None:
        raise backup.not_found(arn)
    await backup.remove(context, key, deleted)
    return {"BackupDescription": deleted["Description"]}


def _deleted(body: Body) -> Body | None:
    return backup.with_details(body, BackupStatus=backup.DELETED) if backup.status(body) == backup.AVAILABLE else None
