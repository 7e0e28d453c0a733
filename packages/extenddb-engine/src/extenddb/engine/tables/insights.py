"""Contributor insights of a table and its indexes: what is enabled, as answers tell it. Pure.

Insights are kept by index name; the empty name is the table itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUBJECT = "ContributorInsights"
"""Where a table's settings hold them."""
_DEFAULT_MODE = "ACCESSED_AND_THROTTLED_KEYS"
_RULES = {"ACCESSED_AND_THROTTLED_KEYS": ("C", "T"), "THROTTLED_KEYS": ("T",)}
"""What the rules of each mode count: contributors by access, by throttling."""

Insights = Mapping[str, Mapping[str, Any]]


def changed(current: Insights | None, request: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Return the insights after an UpdateContributorInsights request."""
    index = request.get("IndexName") or ""
    before = (current or {}).get(index, {})
    one = {
        "Status": "ENABLED" if request["ContributorInsightsAction"] == "ENABLE" else "DISABLED",
        "Mode": request.get("ContributorInsightsMode") or before.get("Mode", _DEFAULT_MODE),
        "Updated": now_ms,
        "Created": before.get("Created", now_ms),
    }
    return {**(current or {}), index: one}


def summary(table: str, index: str, insights: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of the ContributorInsightsSummaries."""
    return {
        "TableName": table,
        **({"IndexName": index} if index else {}),
        "ContributorInsightsStatus": insights["Status"],
        "ContributorInsightsMode": insights["Mode"],
    }


def described(table: str, index: str, insights: Mapping[str, Any] | None, *, sorted_keys: bool) -> dict[str, Any]:
    """Return the answer of DescribeContributorInsights."""
    if insights is None:
        return {
            "TableName": table,
            **({"IndexName": index} if index else {}),
            "ContributorInsightsRuleList": [],
            "ContributorInsightsStatus": "DISABLED",
        }
    enabled = insights["Status"] == "ENABLED"
    return {
        **summary(table, index, insights),
        "ContributorInsightsRuleList": _rule_names(table, index, insights, sorted_keys) if enabled else [],
        "LastUpdateDateTime": insights["Updated"] / 1000,
    }


def _rule_names(table: str, index: str, insights: Mapping[str, Any], sorted_keys: bool) -> list[str]:
    """Name the rules: of the partition key, and of the whole key where there is a sort key."""
    resource = f"{table}-{index}" if index else table
    return [
        f"DynamoDBContributorInsights-{key}K{kind}-{resource}-{insights['Created']}"
        for kind in _RULES[insights["Mode"]]
        for key in ("P", "S")[: 1 + sorted_keys]
    ]
