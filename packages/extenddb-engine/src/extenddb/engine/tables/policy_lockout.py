"""Policies that would keep their author from ever changing them: they need a confirmation. Pure.

Nothing else here decides about access. A statement with a condition is taken not to concern the author.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from extenddb.core.errors import ACCESS_DENIED, ServiceError

_ACTION = "dynamodb:putresourcepolicy"


def check(document: str, arn: str, account: str) -> None:
    """Raise an AccessDeniedException if a policy in its canonical form denies an account to replace it."""
    for statement in json.loads(document)["Statement"]:
        if statement["Effect"] == "Deny" and "Condition" not in statement and _concerns(statement, arn, account):
            raise ServiceError(
                ACCESS_DENIED, "The new resource policy will not allow you to update the resource policy in the future."
            )


def _concerns(statement: Mapping[str, Any], arn: str, account: str) -> bool:
    actions = (action.lower() for action in _texts(statement.get("Action", ())))
    return (
        _any_fits(actions, _ACTION)
        and _any_fits(_texts(statement.get("Resource", ())), arn)
        and _any_fits(_principals(statement.get("Principal")), f"arn:aws:iam::{account}:root")
    )


def _any_fits(patterns: Iterable[str], text: str) -> bool:
    return any(_fits(text, pattern) for pattern in patterns)


def _fits(text: str, pattern: str) -> bool:
    """Tell whether a text matches a pattern, in which `*` stands for any characters and `?` for one.

    Takes the product of both lengths at most: whenever something does not match, only the last `*` takes one more.
    """
    place, at, star, taken = 0, 0, -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, taken, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in (text[place], "?"):
            place, at = place + 1, at + 1
        elif star >= 0:
            taken += 1
            place, at = taken, star + 1
        else:
            return False
    return not pattern[at:].strip("*")


def _principals(principal: Any) -> list[str]:
    return _texts(principal.get("AWS", ()) if isinstance(principal, dict) else principal or ())


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
