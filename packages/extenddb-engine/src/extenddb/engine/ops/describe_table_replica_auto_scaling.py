"""DescribeTableReplicaAutoScaling: the auto scaling settings of a table's replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import auto_scaling
from extenddb.engine.tables.settings import require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeTableReplicaAutoScalingInput


async def describe_table_replica_auto_scaling(
    context: Context, caller: Caller, request: DescribeTableReplicaAutoScalingInput
) -> dict[str, Any]:
    """Answer DescribeTableReplicaAutoScaling."""
    table = await require_named(context, caller, request["TableName"])
    described = auto_scaling.described(table.description, caller.region, table.settings.get(auto_scaling.SUBJECT))
    return {"TableAutoScalingDescription": described}
