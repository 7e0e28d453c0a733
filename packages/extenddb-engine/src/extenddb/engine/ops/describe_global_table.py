"""DescribeGlobalTable: the replicas of a global table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine import global_tables
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeGlobalTableInput


async def describe_global_table(context: Context, caller: Caller, request: DescribeGlobalTableInput) -> dict[str, Any]:
    """Answer DescribeGlobalTable."""
    name = request["GlobalTableName"]
    table = await global_tables.require(context, caller, name, prefix="Global table not found: ")
    return {"GlobalTableDescription": table.described()}
