"""DescribeGlobalTableSettings: the settings of every replica of a global table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine import global_tables
from extenddb.engine.context import Caller, Context
from extenddb.engine.global_tables import GlobalTable
from extenddb.engine.tables import global_settings

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeGlobalTableSettingsInput


async def describe_global_table_settings(
    context: Context, caller: Caller, request: DescribeGlobalTableSettingsInput
) -> dict[str, Any]:
    """Answer DescribeGlobalTableSettings."""
    return await settings_of(context, caller, await global_tables.require(context, caller, request["GlobalTableName"]))


async def settings_of(context: Context, caller: Caller, table: GlobalTable) -> dict[str, Any]:
    """Return the settings of a global table's replicas."""
    replicas = [
        global_settings.described(
            table.settings,
            region,
            (await global_tables.require_joined(context, caller, region, table.name)).description,
        )
        for region in table.regions
    ]
    return {"GlobalTableName": table.name, "ReplicaSettings": replicas}
