"""DescribeBackup: what a backup holds and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.backups import backup, records
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeBackupInput


async def describe_backup(context: Context, caller: Caller, request: DescribeBackupInput) -> dict[str, Any]:
    """Answer DescribeBackup."""
    arn = request["BackupArn"]
    _, body = await records.require(context, caller, BACKUPS, arn, backup.not_found(arn))
    return {"BackupDescription": body["Description"]}
