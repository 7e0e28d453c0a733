"""UpdateGlobalTableSettings: change the settings of a global table's replicas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extenddb.engine import global_tables
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.describe_global_table_settings import settings_of
from extenddb.engine.tables import global_settings

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateGlobalTableSettingsInput


async def update_global_table_settings(
    context: Context, caller: Caller, request: UpdateGlobalTableSettingsInput
) -> dict[str, Any]:
    """Answer UpdateGlobalTableSettings."""
    name = request["GlobalTableName"]
    found = await global_tables.require(context, caller, name)
    region = found.regions[0] if found.regions else caller.region
    description = (await global_tables.require_joined(context, caller, region, name)).description
    table = await global_tables.change(
        context,
        caller,
        name,
        lambda current: replace(
            current,
            settings=global_settings.updated(current.settings, request, current.regions, description, context.clock()),
        ),
    )
    return await settings_of(context, caller, table)
