"""DescribeTimeToLive: whether items of a table expire, and by which attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.describe_table import load_table

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeTimeToLiveInput


async def describe_time_to_live(context: Context, caller: Caller, request: DescribeTimeToLiveInput) -> dict[str, Any]:
    """Answer DescribeTimeToLive."""
    table = await load_table(context, caller, request["TableName"])
    if table.ttl is None:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl}}
