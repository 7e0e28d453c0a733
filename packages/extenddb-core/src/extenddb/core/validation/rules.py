"""Shapes with the constraints the service really enforces, linked together and ready to run.

The generated tables and `overrides` are joined here, once per shape. Nothing here looks at a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, cast

from extenddb.core.model.data_shapes import SHAPES
from extenddb.core.validation import overrides

Kind = Literal[
    "structure", "list", "map", "string", "blob", "boolean", "integer", "long", "double", "timestamp", "attribute"
]
"""Type of a shape; an attribute value is a kind of its own, because it has its own rules and contains itself."""

ATTRIBUTE_VALUE = "AttributeValue"
NUMBER_KINDS = frozenset(("integer", "long", "double", "timestamp"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A member of a structure."""

    name: str
    """Name on the wire."""
    printed: str
    """Name in violations."""
    required: bool
    """Whether null is a violation."""
    shape: Shape
    """Its type and constraints."""
    bare: bool = False
    """Whether its bounds are reported by the name on the wire, and without the value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """A type with its constraints; two shapes are the same only if they are one object."""

    name: str
    """Name in the service model."""
    kind: Kind
    """Which of the fields below mean anything."""
    members: tuple[Member, ...] = ()
    """Members of a structure, as the model declares them."""
    reported: tuple[Member, ...] = ()
    """The same in the order in which violations are reported."""
    member: Shape | None = None
    """Type of a list's elements."""
    key: Shape | None = None
    """Type of a map's keys."""
    value: Shape | None = None
    """Type of a map's values."""
    minimum: int | None = None
    """Least length, or least number."""
    maximum: int | None = None
    """Greatest length, or greatest number."""
    pattern: str | None = None
    """Regular expression of the whole string, as violations print it."""
    regex: re.Pattern[str] | None = None
    """The same for Python."""
    enum: tuple[str, ...] = ()
    """Legal strings as violations print them; empty if every string is legal."""
    length_first: bool = False
    """Whether violations tell a wrong length before a wrong pattern."""

    @property
    def constrained(self) -> bool:
        """Whether the shape itself, its parts apart, has any constraint."""
        return bool(self.enum or self.pattern or self.minimum is not None or self.maximum is not None)


@cache
def shape(name: str) -> Shape:
    """Return a shape by its name in the service model; raises KeyError for an unknown name."""
    row = SHAPES[name]
    if name == ATTRIBUTE_VALUE:
        return Shape(name=name, kind="attribute")
    members = _members(name)
    plain = Shape(
        name=name,
        kind=cast("Kind", row["type"]),
        members=members,
        reported=_reported(members),
        member=_part(row.get("member")),
        key=_map_part(row.get("key")),
        value=_map_part(row.get("value")),
    )
    return _constrained(plain, {**row, **overrides.SHAPE_CONSTRAINTS.get(name, {})})


def _constrained(plain: Shape, row: Mapping[str, Any]) -> Shape:
    """Return a shape with the constraints of a row of the model or of the overrides."""
    changes: dict[str, Any] = {
        field: row[name] for name, field in (("min", "minimum"), ("max", "maximum")) if name in row
    }
    if "pattern" in row:
        pattern = row["pattern"]
        changes |= {"pattern": pattern, "regex": None if pattern is None else _regex(pattern, row.get("python"))}
    if "enum" in row:
        changes["enum"] = overrides.enum_order(row["enum"])
    if "length_first" in row:
        changes["length_first"] = row["length_first"]
    return replace(plain, **changes) if changes else plain


def _members(structure: str) -> tuple[Member, ...]:
    row = SHAPES[structure]
    required = row.get("required", ())
    return tuple(
        Member(
            name=name,
            printed=overrides.printed_name(name),
            required=name in required and (structure, name) not in overrides.OPTIONAL_MEMBERS,
            shape=_member_shape(structure, name, target),
            bare=(structure, name) in overrides.BARE_BOUNDS,
        )
        for name, target in row.get("members", {}).items()
    )


def _member_shape(structure: str, member: str, target: str) -> Shape:
    return _constrained(shape(target), overrides.MEMBER_CONSTRAINTS.get((structure, member), {}))


def _reported(members: tuple[Member, ...]) -> tuple[Member, ...]:
    by_name = {member.name: member for member in members}
    return tuple(by_name[name] for name in overrides.report_order(tuple(by_name)))


def _part(name: str | None) -> Shape | None:
    return None if name is None else shape(name)


def _map_part(name: str | None) -> Shape | None:
    part = _part(name)
    return replace(part, minimum=None, maximum=None) if part and name in overrides.UNBOUNDED_PARTS else part


def _regex(pattern: str, python: str | None = None) -> re.Pattern[str]:
    return re.compile(python or overrides.PYTHON_PATTERNS.get(pattern, pattern), re.ASCII)
