"""What texts in a record count beyond their length in bytes, towards the size of their item. Pure."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from extenddb.core.types import number
from extenddb.core.types.plain import plain_content_size
from extenddb.engine import codec
from extenddb.engine.imports.patterns import STRING_LIST, STRING_SET

DOUBT = -(1 << 40)
"""What makes every sum negative: the size is not surely right."""
_REMEMBERED = 1 << 14  # texts of numbers
_STRINGS = re.compile(STRING_SET).fullmatch
_STRING_VALUES = re.compile(STRING_LIST).fullmatch
_ESCAPE = re.compile(rb"\\(?:u....|.)")


@lru_cache(_REMEMBERED)
def of_scalar(text: bytes) -> int:
    """Return the excess of a number in normal form or of a boolean."""
    return (1 if text.isalpha() else number.size(text.decode())) - len(text)


def of_values(kind: str, depth: int, texts: Sequence[bytes]) -> list[int]:
    """Return the excesses of contents of values that stand so deep in items: base64 of binaries, else JSON."""
    quick = _QUICK.get(kind)
    if quick is None:
        return [_of_json(kind, depth, text) for text in texts]
    return [
        _of_json(kind, depth, text) if found is None else found
        for text, found in zip(texts, map(quick, texts), strict=True)
    ]


def of_escapes(text: bytes) -> int:
    """Return the excess of the escapes in a text."""
    return -sum(len(escape) - 1 for escape in _ESCAPE.findall(text)) if b"\\" in text else 0


def binary(text: bytes) -> bytes | None:
    """Return what a text is the base64 of; None when it is not the normal one."""
    try:
        data = b64decode(text)
    except ValueError:
        return None
    return data if b64encode(data) == text else None


def _of_json(kind: str, depth: int, text: bytes) -> int:
    try:
        content = codec.parse(text)
    except ValueError:
        return DOUBT
    size = plain_content_size(kind, content, depth)
    # Not as it would be stored: a name that stands twice, a blank, another way to write a string.
    return DOUBT if size is None or codec.dump(content) != text else size - len(text)


def _of_binary(text: bytes) -> int:
    data = binary(text)
    return DOUBT if data is None else len(data) - len(text)


def _of_list(text: bytes) -> int | None:
    """Return the excess of a list of strings: each has nine bytes around it that are one in an item."""
    if _STRING_VALUES(text) is None:
        return None
    count = text.count(b'{"S":"')
    return 2 - 8 * count if count else 1


def _of_strings(text: bytes) -> int | None:
    """Return the excess of a set of strings: each has three bytes around it, and brackets less a comma are left."""
    if _STRINGS(text) is None:
        return None
    members = text[2:-2].split(b'","')
    return -1 - 3 * len(members) if len(set(members)) == len(members) else DOUBT


_QUICK: Mapping[str, Callable[[bytes], int | None]] = {"B": _of_binary, "L": _of_list, "SS": _of_strings}
"""By type, the common contents that need not be parsed; None for others."""
