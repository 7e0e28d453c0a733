"""DescribeTableReplicaAutoScaling: the auto scaling settings of a table's replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import control_table_name
from extenddb.core.errors import resource_not_found
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import auto_scaling
from extenddb.engine.tables.table import Table

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeTableReplicaAutoScalingInput


async def describe_table_replica_auto_scaling(
    context: Context, caller: Caller, request: DescribeTableReplicaAutoScalingInput
) -> dict[str, Any]:
    """Answer DescribeTableReplicaAutoScaling."""
    table = await global_table(context, caller, request["TableName"])
    described = auto_scaling.described(table.description, caller.region, table.settings.get(auto_scaling.SUBJECT))
    return {"TableAutoScalingDescription": described}


async def global_table(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return a table that has replicas. Raises ResourceNotFoundException."""
    name = control_table_name(name_or_arn)
    table = await context.tables.load(context.namespace(caller), name)
    if table is None or not table.description.get("Replicas"):
        raise resource_not_found(f"Global table with name: '{name}' does not exist.")
    return table
