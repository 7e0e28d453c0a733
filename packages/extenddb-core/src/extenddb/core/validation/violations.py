"""Which constraints a request breaks, in the service's words and order.

A request arrives here after its structure was found right, with unknown members and nulls gone; `None` is left only
where a list or map holds a null. This walk is slow and exact: it runs when a fast check has refused a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from reprlib import Repr
from typing import Any, TypeAlias
from zlib import crc32

from extenddb.core.errors import EXCERPT_LENGTH, ServiceError, excerpt, validation
from extenddb.core.validation.rules import NUMBER_KINDS, Member, Shape

MOST_REPORTED = 10
"""Violations that one answer names; further ones are neither named nor counted."""
_LOOKED_AT = 10_000
"""Values that are still looked at after the first violation. Whatever else is wrong, the request is refused."""
NOT_NULL = "Member must not be null"
_ATTRIBUTE_CLASS = "com.amazonaws.dynamodb.v20120810.AttributeValue"

_BRIEF = Repr()
"""Looks at the beginning of a value only."""

_Path: TypeAlias = tuple[Member | str, ...]
"""Where a value stands: members, and the words for list and map elements."""


class _Enough(Exception):
    """As many violations were found as an answer names."""


def check(shape: Shape, request: dict[str, Any]) -> None:
    """Raise the ValidationException that names every violation of a request; return if there is none."""
    found = find(shape, request)
    if found:
        raise _error(found)


def find(shape: Shape, request: dict[str, Any]) -> list[str]:
    """Return the sentences of the first violations of a request, ten at most."""
    walk = _Walk()
    with suppress(_Enough):
        walk.structure(shape, request, ())
    return walk.found


def _error(found: list[str]) -> ServiceError:
    count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
    return validation(f"{count}: {'; '.join(found)}")


class _Walk:
    """One pass over a request that collects sentences."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._left = _LOOKED_AT

    def report(self, path: _Path, text: str, constraint: str) -> None:
        where = ".".join([part if isinstance(part, str) else part.printed for part in path])
        self.add(f"Value {text} at '{where}' failed to satisfy constraint: {constraint}")

    def report_bare(self, path: _Path, constraint: str) -> None:
        where = ".".join([part if isinstance(part, str) else part.name for part in path])
        self.add(f"Value at '{where}' failed to satisfy constraint: {constraint}")

    def add(self, sentence: str) -> None:
        self.found.append(sentence)
        if len(self.found) == MOST_REPORTED:
            raise _Enough

    def visit(self, shape: Shape, value: Any, path: _Path) -> None:
        """Check a value against its own constraints and those of its parts."""
        if self.found:
            self._left -= 1
            if self._left < 0:
                raise _Enough
        if value is None:
            self.report(path, "null", NOT_NULL)
            return
        for constraint in broken_words(shape, value):
            self.report(path, f"'{java_text(shape, value)}'", constraint)
        bare = isinstance(path[-1], Member) and path[-1].bare
        for constraint in broken_bounds(shape, value):
            if bare:
                self.report_bare(path, constraint)
            else:
                self.report(path, f"'{java_text(shape, value)}'", constraint)
        self.descend(shape, value, path)

    def descend(self, shape: Shape, value: Any, path: _Path) -> None:
        if shape.kind == "structure":
            self.structure(shape, value, path)
        elif shape.kind == "list":
            self.elements(shape, value, path)
        elif shape.kind == "map":
            self.entries(shape, value, path)

    def structure(self, shape: Shape, value: dict[str, Any], path: _Path) -> None:
        for member in shape.reported:
            content = value.get(member.name)
            if content is not None or member.required:
                self.visit(member.shape, content, (*path, member))

    def elements(self, shape: Shape, value: list[Any], path: _Path) -> None:
        member = _require(shape.member)
        if _is_scalar(member):
            self.scalar_parts(shape, value, path, member, value, "Member must satisfy constraint")
            self.nulls(value, path)
            return
        for number, element in enumerate(value, 1):
            self.visit(member, element, (*path, f"{number}.member"))

    def nulls(self, value: list[Any], path: _Path) -> None:
        for number, element in enumerate(value, 1):
            if element is None:
                self.report((*path, f"{number}.member"), "null", NOT_NULL)

    def entries(self, shape: Shape, value: dict[str, Any], path: _Path) -> None:
        key, content = _require(shape.key), _require(shape.value)
        self.scalar_parts(shape, value, path, key, list(value), "Map keys must satisfy constraint")
        whole = content.kind == "list" or _is_scalar(content)
        if whole:
            # Bounds of a map's lists and strings are reported once, for the map.
            parts = list(value.values())
            self.scalar_parts(shape, value, path, content, parts, "Map value must satisfy constraint")
        for name, element in value.items():
            inner = (*path, f"{excerpt(name)}.member")
            if whole and element is not None:
                self.descend(content, element, inner)
            else:
                self.visit(content, element, inner)

    def scalar_parts(self, shape: Shape, value: Any, path: _Path, part: Shape, parts: list[Any], sentence: str) -> None:
        """Report once, for the whole, that some of its parts break a constraint."""
        if not part.constrained:
            return
        if any(element is not None and any(broken(part, element)) for element in parts):
            every = ", ".join(constraints(part))
            self.report(path, f"'{java_text(shape, value)}'", f"{sentence}: [{every}]")


def broken(shape: Shape, value: Any) -> Iterator[str]:
    """Yield the sentence of each constraint of the shape itself that a value breaks."""
    yield from broken_words(shape, value)
    yield from broken_bounds(shape, value)


def broken_words(shape: Shape, value: Any) -> Iterator[str]:
    """Yield the sentence of each enumeration and pattern that a value breaks, and of bounds that are told first."""
    if shape.enum and value not in shape.enum:
        yield _enum_text(shape)
    if shape.length_first:
        yield from _broken_bounds(shape, value)
    if shape.regex is not None and not shape.regex.fullmatch(value):
        yield _pattern_text(shape)


def broken_bounds(shape: Shape, value: Any) -> Iterator[str]:
    """Yield the sentence of each bound of length or value that a value breaks, where it was not told with the words."""
    if not shape.length_first:
        yield from _broken_bounds(shape, value)


def _broken_bounds(shape: Shape, value: Any) -> Iterator[str]:
    if shape.minimum is None and shape.maximum is None:
        return
    measure = value if shape.kind in NUMBER_KINDS else len(value)
    if shape.minimum is not None and measure < shape.minimum:
        yield _minimum_text(shape)
    if shape.maximum is not None and measure > shape.maximum:
        yield _maximum_text(shape)


def constraints(shape: Shape) -> Iterator[str]:
    """Yield the sentence of every constraint of the shape itself, as lists of them are printed."""
    if shape.maximum is not None:
        yield _maximum_text(shape)
    if shape.minimum is not None:
        yield _minimum_text(shape)
    if shape.pattern is not None:
        yield _pattern_text(shape)
    if shape.enum:
        yield _enum_text(shape)


def _measure_name(shape: Shape) -> str:
    return "value" if shape.kind in NUMBER_KINDS else "length"


def _minimum_text(shape: Shape) -> str:
    return f"Member must have {_measure_name(shape)} greater than or equal to {shape.minimum}"


def _maximum_text(shape: Shape) -> str:
    return f"Member must have {_measure_name(shape)} less than or equal to {shape.maximum}"


def _pattern_text(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def _enum_text(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def java_text(shape: Shape, value: Any) -> str:
    """Return a value as the service prints it: the text Java gives to its objects. Long ones are cut."""
    pieces: list[str] = []
    length = 0
    for piece in _java_pieces(shape, value):
        pieces.append(piece)
        length += len(piece)
        if length >= EXCERPT_LENGTH:
            break
    return excerpt("".join(pieces))


def _java_pieces(shape: Shape, value: Any) -> Iterator[str]:
    """Yield a value's text in pieces, so that nothing is printed that is cut off."""
    if value is None or shape.kind not in ("structure", "list", "map"):
        yield _java_scalar(shape, value)
        return
    opening, closing = _JAVA_BRACKETS[shape.kind]
    yield f"{shape.name}{opening}" if shape.kind == "structure" else opening
    for number, (label, part, content) in enumerate(_java_parts(shape, value)):
        yield f", {label}" if number else label
        yield from _java_pieces(part, content)
    yield closing


_JAVA_BRACKETS: Mapping[str, tuple[str, str]] = {"structure": ("(", ")"), "list": ("[", "]"), "map": ("{", "}")}


def _java_parts(shape: Shape, value: Any) -> Iterator[tuple[str, Shape, Any]]:
    """Yield the parts of a container, each with its label."""
    if shape.kind == "structure":
        return ((f"{member.printed}=", member.shape, value.get(member.name)) for member in shape.members)
    if shape.kind == "list":
        part = _require(shape.member)
        return (("", part, element) for element in value)
    part = _require(shape.value)
    return ((f"{excerpt(name)}=", part, element) for name, element in value.items())


def _java_scalar(shape: Shape, value: Any) -> str:
    if value is None:
        return "null"
    if shape.kind == "attribute":
        # Java prints an address; ours need only differ for most values that differ.
        return f"{_ATTRIBUTE_CLASS}@{crc32(_BRIEF.repr(value).encode('utf-8', 'replace')):x}"
    if shape.kind == "boolean":
        return "true" if value else "false"
    return excerpt(value) if isinstance(value, str) else str(value)


def _is_scalar(shape: Shape) -> bool:
    return shape.kind not in ("structure", "list", "map", "attribute")


def _require(part: Shape | None) -> Shape:
    if part is None:
        raise TypeError("a list or map shape without parts")
    return part
