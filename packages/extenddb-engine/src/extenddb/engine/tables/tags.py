"""Tags of a table: which are allowed, and how they are changed and listed. Pure.

Source of the numbers: "Tagging restrictions in DynamoDB" of the developer guide; of the texts, and of what is checked
first, public reports of the service's answers. The order is that of first tagging.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError, validation

MOST = 50
"""Tags of one table; they are listed in one page."""
_CHARACTER = r"(?:[\w.:/=+\-@]|[^\S\t\n\r\f\v])"  # letters and digits of all scripts, spaces and some marks
_KEY = re.compile(f"{_CHARACTER}{{1,128}}")
_VALUE = re.compile(f"{_CHARACTER}{{0,256}}")
_RESERVED = "aws:"

Tags = Mapping[str, str]
"""Values by key."""


def given(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of a request. Raises a ValidationException for those that cannot be."""
    if len(tags) > MOST:
        raise _too_many()
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key"), tag.get("Value")
        _check_key(key)
        if value is None or not _VALUE.fullmatch(value):
            raise validation(f"The Tag Value provided is invalid, Value: {_printed(value)}")
        if key in found:
            raise validation(f"Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}")
        found[str(key)] = value
    return found


def _check_key(key: str | None) -> None:
    if key is None or not _KEY.fullmatch(key):
        raise validation(f"The Tag Key provided is invalid, Key: {_printed(key)}")
    if key.lower().startswith(_RESERVED):
        raise validation(f"Tag Key cannot be prefixed with {_RESERVED}, Key: {key}")


def _printed(text: str | None) -> str:
    return "null" if text is None else text


def _too_many() -> ServiceError:
    return validation("Number of Tags exceed the current limit for the provided ResourceArn")


def check_given(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of a TagResource request, whatever the table. Raises a ValidationException."""
    if not tags:
        raise validation("Atleast one Tag needs to be provided as Input.")
    return given(tags)


def added(current: Tags, new: Tags) -> dict[str, str]:
    """Return the tags with new ones, which replace others of the same key."""
    tags = {**current, **new}
    if len(tags) > MOST:
        raise _too_many()
    return tags


def check_keys(keys: Sequence[str]) -> None:
    """Raise a ValidationException for keys that UntagResource may not name."""
    if not keys:
        raise validation("Atleast one Tag Key needs to be provided as Input.")
    if len(keys) > MOST:
        raise _too_many()
    for key in keys:
        _check_key(key)


def removed(current: Tags, keys: Sequence[str]) -> dict[str, str]:
    """Return the tags without those of some keys; unknown keys are no mistake."""
    return {key: value for key, value in current.items() if key not in keys}


def listed(tags: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Return tags in the shape of the service."""
    return [{"Key": key, "Value": value} for key, value in tags]
