"""Tags of a table: which are allowed, and how they are changed and listed. Pure.

Source of the numbers: "Tagging restrictions in DynamoDB" of the developer guide. The order is that of first tagging.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extenddb.core.errors import validation
from extenddb.engine.tables import rules

MOST = 50
"""Tags of one table."""
PAGE = 25
"""Tags in one answer of ListTagsOfResource; the service does not document its own number."""
_RESERVED = "aws:"

Tags = Mapping[str, str]
"""Values by key."""


def given(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of a request. Raises a ValidationException for those that cannot be."""
    found: dict[str, str] = {}
    for tag in tags:
        key = tag["Key"]
        if key.lower().startswith(_RESERVED):
            raise rules.invalid(f"Tag keys starting with {_RESERVED} are reserved for system use: {key}")
        if key in found:
            raise rules.invalid(f"Duplicate tag key: {key}")
        found[key] = tag["Value"]
    return _counted(found)


def added(current: Tags, tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags with those of a TagResource request; they replace others of the same key."""
    if not tags:
        raise validation("Atleast one Tag needs to be provided as Input.")
    return _counted({**current, **given(tags)})


def removed(current: Tags, keys: Sequence[str]) -> dict[str, str]:
    """Return the tags without those of an UntagResource request; unknown keys are no mistake."""
    if not keys:
        raise validation("Atleast one Tag Key needs to be provided as Input.")
    return {key: value for key, value in current.items() if key not in keys}


def _counted(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MOST:
        raise rules.invalid(f"Number of tags exceeds the per-resource limit of {MOST}")
    return tags


def page(current: Tags, token: str | None) -> dict[str, Any]:
    """Return the answer of ListTagsOfResource; the token holds the last key that was told."""
    keys = list(current)
    start = 0 if token is None else _position(keys, token)
    shown = keys[start : start + PAGE]
    answer: dict[str, Any] = {"Tags": listed((key, current[key]) for key in shown)}
    if start + PAGE < len(keys):
        answer["NextToken"] = urlsafe_b64encode(shown[-1].encode()).decode()
    return answer


def listed(tags: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Return tags in the shape of the service."""
    return [{"Key": key, "Value": value} for key, value in tags]


def _position(keys: Sequence[str], token: str) -> int:
    try:
        return keys.index(urlsafe_b64decode(token).decode()) + 1
    except (binascii.Error, ValueError):
        raise rules.invalid("NextToken is invalid") from None
