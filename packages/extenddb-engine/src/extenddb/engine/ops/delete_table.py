"""DeleteTable: remove a table and everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.describe_table import load_table
from extenddb.engine.streams import registry
from extenddb.engine.tables import describe
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import NotFound

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteTableInput

_LEFT_OUT = frozenset(("AttributeDefinitions", "KeySchema", "CreationDateTime"))
"""What the description of a table that goes does not say (the AWS CLI's own example shows it)."""


async def delete_table(context: Context, caller: Caller, request: DeleteTableInput) -> dict[str, Any]:
    """Answer DeleteTable. The answer says DELETING as the service's does; the table is gone when it arrives."""
    table = await load_table(context, caller, request["TableName"])
    name = table.definition.name
    if table.description["DeletionProtectionEnabled"]:
        raise validation(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    try:
        await context.backend.catalog.drop(table.space)
    except NotFound:
        pass  # another request removed it in between: it is gone, which is what was asked for
    finally:
        await _disable_stream(context, table)
        context.tables.forget(table.record.namespace, name)
    description = describe.described(table, {}, "DELETING")
    return {"TableDescription": {member: value for member, value in description.items() if member not in _LEFT_OUT}}


async def _disable_stream(context: Context, table: Table) -> None:
    if table.description.get("StreamSpecification", {}).get("StreamEnabled"):
        label = table.description["LatestStreamLabel"]
        await registry.disable(context, registry.key(table.record.namespace, table.definition.name, label))
