"""UpdateTableReplicaAutoScaling: change the auto scaling settings of a table's replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.describe_table_replica_auto_scaling import global_table
from extenddb.engine.tables import auto_scaling
from extenddb.engine.tables.settings import change_setting

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateTableReplicaAutoScalingInput


async def update_table_replica_auto_scaling(
    context: Context, caller: Caller, request: UpdateTableReplicaAutoScalingInput
) -> dict[str, Any]:
    """Answer UpdateTableReplicaAutoScaling. The answer says what was set before, as the service's does."""
    auto_scaling.check(request)
    table = await global_table(context, caller, request["TableName"])
    await change_setting(
        context,
        table,
        auto_scaling.SUBJECT,
        lambda current: auto_scaling.updated(current, request, table.description, caller.region),
    )
    described = auto_scaling.described(table.description, caller.region, table.settings.get(auto_scaling.SUBJECT))
    return {"TableAutoScalingDescription": {**described, "TableStatus": "UPDATING"}}
