"""Items that are right at a glance: no check and no normal form would change anything in them. Pure.

Most items of requests and imports go this way, so it answers quickly and leaves everything it is not sure of to the
checks of `attribute`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from extenddb.core.limits import ITEM_SIZE, SORT_KEY_SIZE
from extenddb.core.types import number
from extenddb.core.types.attribute import Item
from extenddb.core.types.keys import Key
from extenddb.core.types.table import KeySchema

_LONGEST_NAME = 255
_DIGITS = 38
_DEPTH = 8  # far from the limit of nesting
_LONGEST_KEY = SORT_KEY_SIZE // 4  # characters that are no more bytes than any key may have
_NESTED = 3  # bytes of a list or map, beside one for each member
_DOUBT = -(1 << 40)  # a size that makes every sum negative


class PlainItem(dict[str, Any]):
    """An item that is right at a glance, and its size."""

    __slots__ = ("size",)

    def __init__(self, item: Item, size: int) -> None:
        super().__init__(item)
        self.size = size


def plain_item(item: object) -> PlainItem | None:
    """Return an item that is surely right, normal and not too large; None in doubt."""
    size = plain_size(item)
    return None if size is None else PlainItem(item, size)  # type: ignore[arg-type]


def plain_size(item: object) -> int | None:
    """Return the size of an item that is surely right, normal and not too large; None in doubt."""
    if type(item) is not dict or not item:
        return None
    size = _members(item, 0)
    return size if 0 <= size <= ITEM_SIZE else None


def plain_key(schema: KeySchema, item: Item) -> Key | None:
    """Return the key of an item whose key attributes are surely right; None in doubt."""
    for name in schema.names:
        value = item.get(name)
        if value is None:
            return None
        content = value.get(schema.types[name])
        if type(content) is not str or not 0 < len(content) <= _LONGEST_KEY:
            return None
    return schema.key(item)


def plain_content_size(kind: str, content: object, depth: int) -> int | None:
    """Return the size of a value's content that stands so deep in an item, if it is surely right; None in doubt."""
    size = _SIZES[kind](content, depth)
    return size if size >= 0 else None


def _members(item: dict[str, Any], depth: int) -> int:
    size = 0
    for name, value in item.items():
        if not 0 < len(name) <= _LONGEST_NAME or type(value) is not dict or len(value) != 1:
            return _DOUBT
        size += len(name) if name.isascii() else len(name.encode())
        ((kind, content),) = value.items()
        if kind == "S" and type(content) is str:
            size += len(content) if content.isascii() else len(content.encode())
        else:
            size += content_size(content, depth) if (content_size := _SIZES.get(kind)) else _DOUBT
    return size


def _text(content: Any, _depth: int) -> int:
    if type(content) is not str:
        return _DOUBT
    return len(content) if content.isascii() else len(content.encode())


def _number(content: Any, _depth: int) -> int:
    if type(content) is not str:
        return _DOUBT
    if not content.isascii() or not content.isdigit() or len(content) > _DIGITS or content[0] == "0":
        return number.size(content) if number.is_normal(content) else _DOUBT
    # `number.size` of a whole positive number: a byte for every two digits that matter, aligned at the point.
    return 1 + (len(content.rstrip("0")) + 1 + len(content) % 2) // 2


def _binary(content: Any, _depth: int) -> int:
    try:
        data = b64decode(content) if type(content) is str else None
    except ValueError:
        return _DOUBT
    return len(data) if data is not None and b64encode(data) == content.encode() else _DOUBT


def _set(member_size: Callable[[Any, int], int]) -> Callable[[Any, int], int]:
    def size(content: Any, depth: int) -> int:
        if type(content) is not list or not content:
            return _DOUBT
        total = sum(member_size(member, depth) for member in content)
        return total if total >= 0 and len(set(content)) == len(content) else _DOUBT

    return size


def _list(content: Any, depth: int) -> int:
    if type(content) is not list or depth >= _DEPTH:
        return _DOUBT
    size = _NESTED + len(content)
    for value in content:
        if type(value) is not dict or len(value) != 1:
            return _DOUBT
        ((kind, inner),) = value.items()
        size += content_size(inner, depth + 1) if (content_size := _SIZES.get(kind)) else _DOUBT
    return size


def _map(content: Any, depth: int) -> int:
    if type(content) is not dict or depth >= _DEPTH:
        return _DOUBT
    return _NESTED + len(content) + _members(content, depth + 1)


_SIZES: Mapping[str, Callable[[Any, int], int]] = {
    "S": _text,
    "N": _number,
    "B": _binary,
    "SS": _set(_text),
    "NS": _set(_number),
    "BS": _set(_binary),
    "BOOL": lambda content, _depth: 1 if type(content) is bool else _DOUBT,
    "NULL": lambda content, _depth: 1 if content is True else _DOUBT,
    "L": _list,
    "M": _map,
}
"""By type, the size of what is surely right of it."""
