"""JSON between stored bytes and items, in the one place that knows the library.

Stored items are compact DynamoDB JSON. `raw` lets an answer carry stored bytes as they are: they are copied into the
body without being parsed.
"""

from __future__ import annotations

from typing import Any

import orjson

from extenddb.core.types.attribute import Item


def load(data: bytes) -> Item:
    """Return the item of stored bytes."""
    return orjson.loads(data)  # type: ignore[no-any-return]


def dump(value: Any) -> bytes:
    """Return the compact JSON of a value."""
    return orjson.dumps(value)


def canonical(value: Any) -> bytes:
    """Return JSON that is the same for equal values: clients send the members of an object in any order."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def parse(data: bytes) -> Any:
    """Return the value of JSON bytes; raises ValueError."""
    return orjson.loads(data)


def raw(data: bytes) -> Any:
    """Return a value that is answered as these JSON bytes."""
    return orjson.Fragment(data)
