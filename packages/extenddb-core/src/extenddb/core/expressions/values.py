"""Comparisons between attribute values, as conditions make them.

Values of different types are never equal and have no order. Numbers compare by value, strings by their UTF-8 bytes
(which is the order of code points), binaries by unsigned bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from extenddb.core.types.attribute import AttributeValue, binary, equal

ORDERED = frozenset("SNB")
"""Types that have an order."""
SIZED = frozenset(("S", "B", "SS", "NS", "BS", "L", "M"))
"""Types that `size` accepts."""
SEARCHABLE = frozenset(("S", "B", "SS", "NS", "BS", "L"))
"""Types that `contains` searches."""
PREFIXED = frozenset("SB")
"""Types that `begins_with` accepts."""

ORDER_KEYS: Mapping[str, Callable[[Any], Any]] = {"S": str, "N": Decimal, "B": binary}
"""For each ordered type, what makes a comparable key of its content."""


def order_key(value: AttributeValue) -> tuple[str, Any] | None:
    """Return the type and comparable key of a value; None for a type without order."""
    ((kind, content),) = value.items()
    make = ORDER_KEYS.get(kind)
    return (kind, make(content)) if make else None


def begins_with(value: AttributeValue, prefix: AttributeValue) -> bool:
    """Tell whether a string or binary starts with another of its type."""
    if "S" in value and "S" in prefix:
        return bool(value["S"].startswith(prefix["S"]))
    if "B" in value and "B" in prefix:
        return binary(value["B"]).startswith(binary(prefix["B"]))
    return False


def contains(value: AttributeValue, wanted: AttributeValue) -> bool:
    """Tell whether a string or binary holds another, or a set or list holds the value as a member."""
    ((kind, content),) = value.items()
    ((wanted_kind, wanted_content),) = wanted.items()
    if kind == "L":
        return any(equal(element, wanted) for element in content)
    if kind == wanted_kind == "B":
        return binary(wanted_content) in binary(content)
    if (kind == wanted_kind == "S") or (len(kind) == 2 and kind == wanted_kind + "S"):
        return wanted_content in content
    return False


def size(value: AttributeValue) -> AttributeValue | None:
    """Return the size of a value as a number; None for a type without size.

    A binary counts bytes, a set, list or map its members, and a string UTF-16 code units: a character beyond the basic
    plane counts twice (seen at the public service, https://github.com/ExtendDB/extenddb/issues/60).
    """
    ((kind, content),) = value.items()
    if kind not in SIZED:
        return None
    if kind == "S":
        return {"N": str(len(content) if content.isascii() else len(content.encode("utf-16-le")) // 2)}
    if kind == "B":
        return {"N": str(len(binary(content)))}
    return {"N": str(len(content))}
