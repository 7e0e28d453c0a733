"""Rules between the members of one request, before any table is looked at.

The texts and their order are the service's; where they were observed stands in docs/differences.md if it is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import validation
from extenddb.core.expressions import Placeholders


def check_mix(request: Mapping[str, Any], expressions: Sequence[str], legacy: Sequence[str]) -> None:
    """Refuse requests that mix expressions with their legacy counterparts, and placeholders without expressions."""
    given = [name for name in expressions if request.get(name) is not None]
    old = [name for name in legacy if request.get(name) is not None]
    if given and old:
        raise validation(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(given)}}}"
        )
    if request.get("ExpressionAttributeNames") is not None and not given:
        raise validation("ExpressionAttributeNames can only be specified when using expressions")
    with_values = [name for name in expressions if name != "ProjectionExpression"]
    if (
        request.get("ExpressionAttributeValues") is not None
        and with_values
        and not any(name in given for name in with_values)
    ):
        verb = "are" if len(with_values) > 1 else "is"
        raise validation(
            "ExpressionAttributeValues can only be specified when using expressions: "
            f"{' and '.join(with_values)} {verb} null"
        )


def placeholders(request: Mapping[str, Any]) -> Placeholders:
    """Return the request's expression names and values, checked."""
    return Placeholders(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))


def check_return_values(request: Mapping[str, Any], allowed: frozenset[str]) -> str:
    """Return the ReturnValues mode of a write; raises when the operation does not have it."""
    mode: str = request.get("ReturnValues") or "NONE"
    if mode not in allowed:
        raise validation("ReturnValues can only be ALL_OLD or NONE")
    return mode


def returns_old_on_failure(request: Mapping[str, Any]) -> bool:
    """Tell whether a failed condition is answered with the item it was checked against."""
    return bool(request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


OLD_OR_NONE = frozenset(("NONE", "ALL_OLD"))
"""ReturnValues of PutItem and DeleteItem."""


def check_request_items(operation: str, items: Mapping[str, Any]) -> None:
    """Refuse a batch that names no table."""
    if not items:
        raise validation(f"The requestItems parameter is required for {operation}")


def check_duplicates(attributes_to_get: Sequence[str]) -> None:
    """Refuse a name that stands twice in AttributesToGet."""
    seen: set[str] = set()
    for name in attributes_to_get:
        if name in seen:
            raise validation(f"One or more parameter values were invalid: Duplicate value in attribute name: {name}")
        seen.add(name)
