"""The condition of a write, from whichever member it was given in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.core.expressions import Condition, bind_condition, legacy
from extenddb.engine.parameters import placeholders


def bind_write_condition(request: Mapping[str, Any]) -> Condition | None:
    """Return the condition of PutItem or DeleteItem, from ConditionExpression or Expected; None without one."""
    if request.get("Expected") is not None or request.get("ConditionalOperator") is not None:
        return legacy.expected(request.get("Expected") or {}, request.get("ConditionalOperator"))
    text = request.get("ConditionExpression")
    if text is None:
        return None
    names_and_values = placeholders(request)
    condition = bind_condition(text, names_and_values)
    names_and_values.check_unused()
    return condition
