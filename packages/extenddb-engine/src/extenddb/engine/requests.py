"""What nearly every request begins with: its table."""

from __future__ import annotations

from extenddb.core.arn import table_name
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.table import Table


async def require_table(context: Context, caller: Caller, name: str) -> Table:
    """Return the table of a TableName member, a name or an ARN. Raises ServiceError."""
    return await context.tables.require(context.namespace(caller), table_name(name))
