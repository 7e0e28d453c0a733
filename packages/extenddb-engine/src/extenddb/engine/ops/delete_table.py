"""DeleteTable: remove a table and everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import describe, removal, replica_rules
from extenddb.engine.tables.filling import require_removable
from extenddb.engine.tables.settings import require_any

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteTableInput

_LEFT_OUT = (
    "AttributeDefinitions",
    "CreationDateTime",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "VectorIndexes",
    "WarmThroughput",
)
"""What the description of a table that goes does not say (the AWS CLI's own example, and public reports)."""


async def delete_table(context: Context, caller: Caller, request: DeleteTableInput) -> dict[str, Any]:
    """Answer DeleteTable. The answer says DELETING as the service's does; the table is gone when it arrives."""
    table = await require_any(context, caller, request["TableName"])
    require_removable(table)
    if table.description["DeletionProtectionEnabled"]:
        raise validation(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    if table.description.get("MultiRegionConsistency") == "STRONG":
        raise replica_rules.only_one_of_strong()
    if context.settings.strict_waits and context.settings.delay_seconds > 0:
        await removal.schedule(context, table)
    else:
        await removal.remove(context, table)
    return {"TableDescription": describe.without(describe.described(table, {}, "DELETING"), *_LEFT_OUT)}
