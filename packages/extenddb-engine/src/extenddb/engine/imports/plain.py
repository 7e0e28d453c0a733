"""Items that are right at a glance: no check and no normal form would change anything in them. Pure.

Millions of records go this way, so it answers quickly and leaves everything it is not sure of to the checks that every
request goes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from extenddb.core.limits import ITEM_SIZE, SORT_KEY_SIZE
from extenddb.core.types.attribute import Item
from extenddb.core.types.keys import Key
from extenddb.core.types.table import KeySchema

_LONGEST_NAME = 255
_DIGITS = 38
_DEPTH = 8  # far from the limit of nesting
_LONGEST_KEY = SORT_KEY_SIZE // 4  # characters that are no more bytes than any key may have
_NESTED = 3  # bytes of a list or map, beside one for each member
_DOUBT = -(1 << 40)  # a size that makes every sum negative


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


def _members(item: dict[str, Any], depth: int) -> int:
    size = 0
    for name, value in item.items():
        if not 0 < len(name) <= _LONGEST_NAME or type(value) is not dict or len(value) != 1:
            return _DOUBT
        size += len(name) if name.isascii() else len(name.encode())
        for kind, content in value.items():
            size += content_size(content, depth) if (content_size := _SIZES.get(kind)) else _DOUBT
    return size


def _text(content: Any, _depth: int) -> int:
    if type(content) is not str:
        return _DOUBT
    return len(content) if content.isascii() else len(content.encode())


def _number(content: Any, _depth: int) -> int:
    if type(content) is not str or not content.isascii() or not content.isdigit() or len(content) > _DIGITS:
        return _DOUBT
    if content[0] == "0":
        return 1 if content == "0" else _DOUBT
    # `number.size` of a whole positive number: a byte for every two digits that matter, aligned at the point.
    return 1 + (len(content.rstrip("0")) + 1 + len(content) % 2) // 2


def _list(content: Any, depth: int) -> int:
    if type(content) is not list or depth >= _DEPTH:
        return _DOUBT
    size = _NESTED + len(content)
    for value in content:
        if type(value) is not dict or len(value) != 1:
            return _DOUBT
        for kind, inner in value.items():
            size += content_size(inner, depth + 1) if (content_size := _SIZES.get(kind)) else _DOUBT
    return size


def _map(content: Any, depth: int) -> int:
    if type(content) is not dict or depth >= _DEPTH:
        return _DOUBT
    return _NESTED + len(content) + _members(content, depth + 1)


_SIZES: Mapping[str, Callable[[Any, int], int]] = {
    "S": _text,
    "N": _number,
    "BOOL": lambda content, _depth: 1 if type(content) is bool else _DOUBT,
    "NULL": lambda content, _depth: 1 if content is True else _DOUBT,
    "L": _list,
    "M": _map,
}
"""By type, what is surely right of it; sets and binaries are always looked at closely."""
