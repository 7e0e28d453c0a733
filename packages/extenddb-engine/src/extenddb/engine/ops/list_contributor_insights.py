"""ListContributorInsights: which tables and indexes have contributor insights, by pages."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import is_table_name
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import insights, rules
from extenddb.engine.tables.settings import require_named
from extenddb.engine.tables.table import Table

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListContributorInsightsInput

_PAGE = 100
_TABLES_AT_ONCE = 50  # read for one answer: a page may be short, or empty, and still have a token
_END = "\x7f"  # follows every index name


async def list_contributor_insights(
    context: Context, caller: Caller, request: ListContributorInsightsInput
) -> dict[str, Any]:
    """Answer ListContributorInsights. The token holds the table and the index that were told last."""
    limit = max(1, request.get("MaxResults") or _PAGE)
    after = _position(request.get("NextToken"))
    if request.get("TableName") is not None:
        tables, last = [await require_named(context, caller, request["TableName"])], None
    else:
        tables, last = await _tables(context, caller, after)
    places = [
        (table.definition.name, index, found)
        for table in tables
        for index, found in sorted(table.settings.get(insights.SUBJECT, {}).items())
        if (table.definition.name, index) > after and found["Status"] != "DISABLED"
    ]
    answer: dict[str, Any] = {"ContributorInsightsSummaries": [insights.summary(*place) for place in places[:limit]]}
    if len(places) > limit:
        answer["NextToken"] = _token(*places[limit - 1][:2])
    elif last is not None:
        answer["NextToken"] = _token(last, _END)
    return answer


async def _tables(context: Context, caller: Caller, after: tuple[str, str]) -> tuple[list[Table], str | None]:
    """Return the tables from that of the position on, and the last one's name if there are more."""
    namespace = context.namespace(caller)
    names = await context.backend.catalog.names(namespace, after=after[0], limit=_TABLES_AT_ONCE + 1)
    first = [after[0]] if after[0] else []
    found = [await context.tables.load(namespace, name) for name in (*first, *names[:_TABLES_AT_ONCE])]
    more = len(names) > _TABLES_AT_ONCE
    return [table for table in found if table is not None], names[_TABLES_AT_ONCE - 1] if more else None


def _token(table: str, index: str) -> str:
    return urlsafe_b64encode(f"{table}/{index}".encode()).decode()


def _position(token: str | None) -> tuple[str, str]:
    if token is None:
        return "", ""
    try:
        table, slash, index = urlsafe_b64decode(token).decode().partition("/")
    except (binascii.Error, ValueError):
        slash = ""
    if not slash or not is_table_name(table):
        raise rules.invalid("NextToken is invalid")
    return table, index
