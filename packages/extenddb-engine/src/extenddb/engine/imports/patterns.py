"""From the form of an item to a pattern of bytes that takes records of that form apart. Pure.

A *part* says what is fixed of a value: its type, and for maps and lists what stands in them, as long as that is the
same in all records; a loose part says the type alone. The pattern of a form matches only records that are compact
DynamoDB JSON with numbers in normal form: the bytes to be stored. The patterns of several forms are one pattern, in
which forms that begin alike share their beginning.

Possessive quantifiers keep every match linear: nothing is ever tried twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from extenddb.core.types import number
from extenddb.core.types.attribute import AttributeValue, Item
from extenddb.engine import codec

_TEXT = rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\bfnrt]|u00[01][0-9a-f])[^"\\\x00-\x1f]*+)*+'
_NUMBER = number.NORMAL.encode()
_BASE64 = rb"[A-Za-z0-9+/]*+={0,2}+"
_BEGIN, _END = rb'\{"Item":\{', rb"\}\}\n"
BODY = slice(len(b'{"Item":'), -len(b"}\n"))
"""Where the item is in a record that matches."""
_NESTED = 8  # brackets within each other that a loose part may have
_FIXED_LIST = 8  # members up to which a list is thought to be of fixed form
_FIXED_PARTS = 200  # values in an item of fixed form, however deep


class Part(NamedTuple):
    """What is fixed of a value."""

    kind: str
    """Its type."""
    inner: tuple[tuple[str, Part], ...] | None = ()
    """Names and parts of a map, parts of a list under empty names; None for what is loose."""


Form = tuple[tuple[str, Part], ...]
"""What is fixed of an item: names and parts in their order."""


def form(item: Item) -> Form | None:
    """Return the form of a normal item; None for one that is too large to be worth it."""
    found = tuple((name, _part(value)) for name, value in item.items())
    return found if sum(_count(part) for _, part in found) <= _FIXED_PARTS else None


def outline(given: Form) -> tuple[tuple[str, str], ...]:
    """Return names and types alone: forms with the same outline may become one."""
    return tuple((name, part.kind) for name, part in given)


def merged(forms: Sequence[Form]) -> Form:
    """Return the form of all items of several forms with the same outline: what differs between them is loose."""
    return tuple(
        (alike[0][0], alike[0][1] if len({part for _, part in alike}) == 1 else Part(alike[0][1].kind, None))
        for alike in zip(*forms, strict=True)
    )


def _part(value: AttributeValue) -> Part:
    ((kind, content),) = value.items()
    if kind == "M":
        return Part(kind, tuple((name, _part(each)) for name, each in content.items()))
    if kind == "L" and len(content) <= _FIXED_LIST:
        return Part(kind, tuple(("", _part(each)) for each in content))
    return Part(kind, () if kind in _SIMPLE else None)


def _count(part: Part) -> int:
    return 1 + sum(_count(inner) for _, inner in part.inner or ())


@dataclass(slots=True, kw_only=True)
class Places:
    """Which groups of a match hold what, for one form."""

    end: int = 0
    """The empty group at the end of the item: the last of a match, and the name of the form in it."""
    sized: tuple[int, ...] = ()
    """Texts of numbers and booleans."""
    measured: tuple[tuple[str, int, int], ...] = ()
    """Types of values whose size needs a look, how deep they stand, and their texts: JSON, or base64 of a binary."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """Texts of key attributes by name."""


class Pattern:
    """The pattern of several forms."""

    def __init__(self, forms: Sequence[Form], names: frozenset[str]) -> None:
        """Take the forms apart; `names` are the attributes that are keys somewhere."""
        self._names = names
        self._groups = 0
        self.places: dict[Form, Places] = {}
        tree: _Tree = {}
        for each in forms:
            branch = tree
            for member in each:
                branch = branch.setdefault(member, {})
            branch[None] = {}
        self.match = re.compile(_BEGIN + self._branches(tree, (), Places()) + _END).fullmatch

    def _branches(self, tree: _Tree, path: Form, known: Places) -> bytes:
        """Return the pattern of all ways on from a place in the tree of members."""
        written = []
        while len(tree) == 1:  # no branch: no group, so that items of many attributes do not nest
            ((member, tree),) = tree.items()
            written.append(self._step(member, path, known))
            if member is None:
                return b"".join(written)
            path = (*path, member)
        ways = [self._way(member, inner, path, known) for member, inner in tree.items()]
        return b"".join(written) + b"(?:" + b"|".join(ways) + b")"

    def _way(self, member: _Member, inner: _Tree, path: Form, known: Places) -> bytes:
        own = Places(sized=known.sized, measured=known.measured, keys=known.keys)
        step = self._step(member, path, own)
        return step if member is None else step + self._branches(inner, (*path, member), own)

    def _step(self, member: _Member, path: Form, known: Places) -> bytes:
        """Return the pattern of one attribute, or of the end of the item; note its groups."""
        if member is None:
            known.end = self._next()
            self.places[path] = known
            return b"()"
        name, part = member
        comma = b"," if path else b""
        return comma + _quoted(name) + b":" + self._value(part, known, 0, name if name in self._names else None)

    def _next(self) -> int:
        self._groups += 1
        return self._groups

    def _value(self, part: Part, known: Places, depth: int, key: str | None = None) -> bytes:
        kind, inner = part
        opened = rb'\{"' + kind.encode() + rb'":'
        if inner is None:
            known.measured = (*known.measured, (kind, depth, self._next()))
            return opened + b"(" + _STRINGS.get(kind, b"") + _loose(_NESTED) + rb")\}"
        if kind in _CONTAINERS:
            begin, end = _CONTAINERS[kind]
            members = [
                (_quoted(name) + b":" if kind == "M" else b"") + self._value(each, known, depth + 1)
                for name, each in inner
            ]
            return opened + begin + b",".join(members) + end + rb"\}"
        return opened + self._simple(kind, known, key) + rb"\}"

    def _simple(self, kind: str, known: Places, key: str | None) -> bytes:
        if kind == "NULL":
            return b"true"
        if kind == "S" and key is None:
            return b'"' + _TEXT + b'"'
        group = self._next()
        if key is not None:
            known.keys = {**known.keys, key: group}
        if kind in ("N", "BOOL"):
            known.sized = (*known.sized, group)
        elif kind == "B":
            known.measured = (*known.measured, (kind, 0, group))
        return _SIMPLE[kind]


_Member = tuple[str, Part] | None
_Tree = dict[_Member, Any]
"""Members by what may stand at a place; None is the end of an item."""
_SIMPLE: Mapping[str, bytes] = {
    "S": b'"(' + _TEXT + b')"',
    "N": b'"(' + _NUMBER + b')"',
    "B": b'"(' + _BASE64 + b')"',
    "BOOL": b"(true|false)",
    "NULL": b"",
}
_PLAIN = rb'[^"\\\x00-\x1f]*+'
STRING_SET = rb'\["' + _PLAIN + rb'"(?:,"' + _PLAIN + rb'")*+\]'
"""A set of strings without escapes."""
STRING_LIST = rb'\[(?:\{"S":"' + _PLAIN + rb'"\}(?:,\{"S":"' + _PLAIN + rb'"\})*+)?\]'
"""A list of such strings, perhaps empty."""
_STRINGS: Mapping[str, bytes] = {"SS": STRING_SET + b"|", "L": STRING_LIST + b"|"}
"""What loose parts mostly are, sooner found than with all brackets balanced."""
_CONTAINERS: Mapping[str, tuple[bytes, bytes]] = {"M": (rb"\{", rb"\}"), "L": (rb"\[", rb"\]")}


def _quoted(name: str) -> bytes:
    return re.escape(codec.dump(name))


def _loose(depth: int) -> bytes:
    """Return the pattern of a JSON array or object, brackets and strings balanced; what is in it is not looked at."""
    inner = b"|" + _loose(depth - 1) if depth > 1 else b""
    strings = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    return rb'[\[{][^"\[\]{}]*+(?:(?:' + strings + inner + rb')[^"\[\]{}]*+)*+[\]}]'
