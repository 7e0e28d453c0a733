"""UpdateContributorInsights: enable or disable contributor insights of a table or an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import insights
from extenddb.engine.tables.settings import change_setting, require_index, require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateContributorInsightsInput


async def update_contributor_insights(
    context: Context, caller: Caller, request: UpdateContributorInsightsInput
) -> dict[str, Any]:
    """Answer UpdateContributorInsights. The answer says ENABLING or DISABLING as the service's does."""
    index = insights.index_name(request)
    table = await require_named(context, caller, request["TableName"])
    if index:
        require_index(table, index)
    before = table.settings.get(insights.SUBJECT)
    kept = await change_setting(
        context, table, insights.SUBJECT, lambda current: insights.changed(current, request, context.clock())
    )
    return insights.answered(table.definition.name, index, before, kept or {})
