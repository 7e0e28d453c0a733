"""DescribeContributorInsights: whether contributor insights are enabled for a table or an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import insights
from extenddb.engine.tables.settings import require_index, require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeContributorInsightsInput


async def describe_contributor_insights(
    context: Context, caller: Caller, request: DescribeContributorInsightsInput
) -> dict[str, Any]:
    """Answer DescribeContributorInsights."""
    index = insights.index_name(request)
    table = await require_named(context, caller, request["TableName"])
    if index:
        require_index(table, index)
    schema = next((each.schema for each in table.indexes if each.name == index), table.schema)
    found = table.settings.get(insights.SUBJECT, {}).get(index)
    return insights.described(table.definition.name, index, found, sorted_keys=bool(schema.range))
