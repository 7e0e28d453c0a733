"""DescribeBackup: what a backup holds and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.backups import backup
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeBackupInput


async def describe_backup(context: Context, caller: Caller, request: DescribeBackupInput) -> dict[str, Any]:
    """Answer DescribeBackup."""
    _, body = await backup.require(context, caller, request["BackupArn"])
    return {"BackupDescription": body["Description"]}
