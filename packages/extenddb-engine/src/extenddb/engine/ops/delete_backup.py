"""DeleteBackup: remove a backup and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import BACKUP_IN_USE, ServiceError
from extenddb.engine import codec
from extenddb.engine.backups import backup, records, undo
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs import runner

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteBackupInput

_JOBS = 1000


async def delete_backup(context: Context, caller: Caller, request: DeleteBackupInput) -> dict[str, Any]:
    """Answer DeleteBackup."""
    arn = request["BackupArn"]
    key, body = await records.require(context, caller, BACKUPS, arn, backup.not_found(arn))
    creating = body["Description"]["BackupDetails"]["BackupStatus"] == backup.CREATING
    if creating or await _restoring(context, key):
        raise ServiceError(BACKUP_IN_USE, f"Backup is being created or restored: {arn}")
    await undo.drop_space(context, backup.space(body["Id"]))
    await context.backend.documents.delete(BACKUPS.kind, key)
    return {"BackupDescription": backup.with_details(body, BackupStatus=backup.DELETED)["Description"]}


async def _restoring(context: Context, key: str) -> bool:
    jobs = await context.backend.documents.list(runner.KIND, limit=_JOBS)
    states = [codec.parse(job.body)["State"] for job in jobs]
    return any(state.get("Backup") == key for state in states)
