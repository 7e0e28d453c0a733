"""DescribeContinuousBackups: whether a table can be recovered, and to which times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.backups import recovery
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeContinuousBackupsInput


async def describe_continuous_backups(
    context: Context, caller: Caller, request: DescribeContinuousBackupsInput
) -> dict[str, Any]:
    """Answer DescribeContinuousBackups."""
    table = await recovery.require_table(context, caller, request["TableName"])
    return {"ContinuousBackupsDescription": recovery.described(table, context.clock())}
