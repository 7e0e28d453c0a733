"""DescribeTimeToLive: whether items of a table expire, and by which attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import waits
from extenddb.engine.tables.settings import require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeTimeToLiveInput


async def describe_time_to_live(context: Context, caller: Caller, request: DescribeTimeToLiveInput) -> dict[str, Any]:
    """Answer DescribeTimeToLive."""
    table = await require_named(context, caller, request["TableName"])
    status = waits.status_shown(table, context.clock())
    if status in ("CREATING", "DELETING"):
        raise validation(
            f"Cannot describe time to live while table is in {status} state: Current table state is {status}"
        )
    if table.ttl is None:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl}}
