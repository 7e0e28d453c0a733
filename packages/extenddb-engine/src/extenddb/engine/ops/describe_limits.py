"""DescribeLimits: the account's quotas for provisioned throughput."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core import limits
from extenddb.engine.context import Caller, Context

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeLimitsInput


async def describe_limits(context: Context, caller: Caller, request: DescribeLimitsInput) -> dict[str, Any]:
    """Answer DescribeLimits."""
    return {
        "AccountMaxReadCapacityUnits": limits.ACCOUNT_CAPACITY,
        "AccountMaxWriteCapacityUnits": limits.ACCOUNT_CAPACITY,
        "TableMaxReadCapacityUnits": limits.TABLE_CAPACITY,
        "TableMaxWriteCapacityUnits": limits.TABLE_CAPACITY,
    }
