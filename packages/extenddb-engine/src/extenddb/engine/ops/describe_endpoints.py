"""DescribeEndpoints: where requests may be sent: to this server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeEndpointsRequest

_CACHE_MINUTES = 1440  # what the service answers


async def describe_endpoints(context: Context, caller: Caller, request: DescribeEndpointsRequest) -> dict[str, Any]:
    """Answer DescribeEndpoints."""
    address = caller.endpoint or f"dynamodb.{caller.region}.amazonaws.com"
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": _CACHE_MINUTES}]}
