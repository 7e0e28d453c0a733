"""Contributor insights of a table and its indexes: what is enabled, as answers tell it. Pure.

Insights are kept by index name; the empty name is the table itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.arn import check_length

SUBJECT = "ContributorInsights"
"""Where a table's settings hold them."""
_DEFAULT_MODE = "ACCESSED_AND_THROTTLED_KEYS"
_RULES = {"ACCESSED_AND_THROTTLED_KEYS": ("C", "T"), "THROTTLED_KEYS": ("T",)}
"""What the rules of each mode count: contributors by access, by throttling."""

Insights = Mapping[str, Mapping[str, Any]]


def index_name(request: Mapping[str, Any]) -> str:
    """Return the IndexName of a request, empty for the table itself. Raises ValidationException."""
    name: str | None = request.get("IndexName")
    if name is not None:
        check_length("IndexName", name)
    return name or ""


def changed(current: Insights | None, request: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Return the insights after an UpdateContributorInsights request. Enabling without a mode means the default one."""
    index = request.get("IndexName") or ""
    before = (current or {}).get(index)
    enable = request["ContributorInsightsAction"] == "ENABLE"
    mode = (request.get("ContributorInsightsMode") or _DEFAULT_MODE) if enable else (before or {}).get("Mode")
    one = {"Status": "ENABLED" if enable else "DISABLED", "Mode": mode}
    if before is None and not enable:
        return dict(current or {})
    if before is not None and all(before[name] == value for name, value in one.items()):
        return dict(current or {})
    created = before["Created"] if before is not None and before["Status"] == "ENABLED" else now_ms
    return {**(current or {}), index: {**one, "Updated": now_ms, "Created": created}}


def answered(table: str, index: str, before: Insights | None, after: Insights) -> dict[str, Any]:
    """Return the answer of UpdateContributorInsights: what is as it was asked to be stays so."""
    old, new = (before or {}).get(index), after.get(index)
    answer = summary(table, index, new)
    if new is not None and new != old:
        answer["ContributorInsightsStatus"] = "ENABLING" if new["Status"] == "ENABLED" else "DISABLING"
    return answer


def summary(table: str, index: str, insights: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one of the ContributorInsightsSummaries; None is what was never enabled."""
    return {
        "TableName": table,
        **({"IndexName": index} if index else {}),
        "ContributorInsightsStatus": "DISABLED" if insights is None else insights["Status"],
        **({} if insights is None else {"ContributorInsightsMode": insights["Mode"]}),
    }


def described(table: str, index: str, insights: Mapping[str, Any] | None, *, sorted_keys: bool) -> dict[str, Any]:
    """Return the answer of DescribeContributorInsights."""
    answer = summary(table, index, insights)
    if insights is None:
        return answer
    if insights["Status"] == "ENABLED":
        answer["ContributorInsightsRuleList"] = _rule_names(table, index, insights, sorted_keys)
    return {**answer, "LastUpdateDateTime": insights["Updated"] / 1000}


def _rule_names(table: str, index: str, insights: Mapping[str, Any], sorted_keys: bool) -> list[str]:
    """Name the rules: of the partition key, and of the whole key where there is a sort key."""
    resource = f"{table}-{index}" if index else table
    return [
        f"DynamoDBContributorInsights-{key}K{kind}-{resource}-{insights['Created']}"
        for kind in _RULES[insights["Mode"]]
        for key in ("P", "S")[: 1 + sorted_keys]
    ]
