"""DescribeTable: a table's description, with its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import table_name
from extenddb.core.errors import resource_not_found
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import describe
from extenddb.engine.tables.table import Table

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeTableInput


async def describe_table(context: Context, caller: Caller, request: DescribeTableInput) -> dict[str, Any]:
    """Answer DescribeTable."""
    table = await load_table(context, caller, request["TableName"])
    estimates = await context.backend.catalog.estimate(table.space)
    return {"Table": describe.described(table, estimates)}


async def load_table(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return a table as the catalog has it now. Raises ResourceNotFoundException in the control plane's words."""
    name = table_name(name_or_arn)
    table = await context.tables.load(context.namespace(caller), name)
    if table is None:
        raise resource_not_found(f"Requested resource not found: Table: {name} not found")
    return table
