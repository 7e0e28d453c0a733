"""Every constraint of the published model is enforced: requests made from the model, then broken at one place."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from extenddb.core.errors import VALIDATION, ServiceError
from extenddb.core.model import OPERATIONS
from extenddb.core.model.data_shapes import SHAPES
from extenddb.core.validation.overrides import (
    MEMBER_CONSTRAINTS,
    OPTIONAL_MEMBERS,
    PYTHON_PATTERNS,
    SHAPE_CONSTRAINTS,
    UNBOUNDED_PARTS,
)
from extenddb.core.wire.decode import decode

SCALARS: Mapping[str, Any] = {
    "boolean": True,
    "double": 1.5,
    "timestamp": 1700000000,
    "integer": 1,
    "long": 1,
    "blob": "AAAA",
}
NUMBERS = ("integer", "long")
BARE: Mapping[tuple[str, str], str] = {
    ("Query", "limit"): "Limit",
    ("BatchGetItem", "requestItems"): "RequestItems",
    ("BatchGetItem", "requestItems.abcdef.member.keys"): "RequestItems.abcdef.member.Keys",
}
"""What bounds of these members are reported at, without the value."""
TEXTS = ("abcdef", "0" * 12, "0123456789abcdef" * 7, "00000000-0000-0000-0000-000000000000", ",", "a" * 40)
OWN_WORDS = frozenset(("BatchWriteItemRequestMap",))
"""Shapes whose emptiness is told in words of the operation's own."""
STRANGE = "\x00$ \u20ac"  # no pattern of the model admits it


@dataclass(frozen=True, kw_only=True)
class Place:
    """A value inside a sample request."""

    holder: Any
    """The container of the value."""
    index: Any
    """Where in the container it is."""
    shape: str
    """Its shape."""
    path: str
    """The path that a violation of its constraints names."""
    inner: str
    """The path under which its parts are named."""
    member: tuple[str, str] = ("", "")
    """The structure and the member that it is of; empty texts in lists and maps."""
    required: bool = False
    """Whether it is a required member."""
    sentence: str = ""
    """What stands before its constraints if its whole list or map is reported; empty if the value itself is."""


def constraints(place: Place) -> Mapping[str, Any]:
    """Return the constraints of a place: those of the model, unless the service's own replace them."""
    return {
        **SHAPES[place.shape],
        **SHAPE_CONSTRAINTS.get(place.shape, {}),
        **MEMBER_CONSTRAINTS.get(place.member, {}),
    }


def matches(row: Mapping[str, Any], text: str) -> bool:
    pattern = row.get("pattern")
    fits = row.get("min", 0) <= len(text) <= row.get("max", len(text))
    return fits and (pattern is None or bool(re.fullmatch(PYTHON_PATTERNS.get(pattern, pattern), text)))


def sample(name: str, *, whole: bool) -> Any:
    """Return a legal value of a shape, with every member or with the required ones only."""
    row = SHAPES[name]
    kind = row["type"]
    if name == "AttributeValue":
        return {"S": "x"}
    if kind == "structure":
        wanted = row["members"] if whole else row.get("required", ())
        return {member: sample(row["members"][member], whole=whole) for member in wanted}
    if kind == "list":
        return [sample(row["member"], whole=whole) for _ in range(row.get("min", 1))]
    if kind == "map":
        return {sample(row["key"], whole=whole): sample(row["value"], whole=whole)}
    if kind == "string":
        return row["enum"][0] if "enum" in row else next(text for text in TEXTS if matches(row, text))
    return max(SCALARS[kind], row.get("min", 1)) if kind in NUMBERS else SCALARS[kind]


def places(shape: str, value: Any, path: str) -> Iterator[Place]:
    """Yield every place inside a value of a shape, the outer before the inner."""
    for found in parts(shape, value, path):
        yield found
        yield from places(found.shape, found.holder[found.index], found.inner)


def parts(shape: str, value: Any, path: str) -> Iterator[Place]:
    """Yield the places right inside a value of a shape."""
    row = SHAPES[shape]
    kind = row["type"]
    if kind == "structure" and shape != "AttributeValue":
        for member in value:
            inner = ".".join(filter(None, (path, member[0].lower() + member[1:])))
            here = (shape, member)
            required = member in row.get("required", ()) and here not in OPTIONAL_MEMBERS
            target = row["members"][member]
            yield Place(
                holder=value, index=member, shape=target, path=inner, inner=inner, member=here, required=required
            )
    if kind == "list" or (kind == "map" and row["value"] not in UNBOUNDED_PARTS):
        yield element(row, value, path)


def element(row: Mapping[str, Any], value: Any, path: str) -> Place:
    """Return the place of the first element of a list or map."""
    index = 0 if row["type"] == "list" else next(iter(value))
    target = row["member"] if row["type"] == "list" else row["value"]
    inner = f"{path}.{1 if index == 0 else index}.member"
    together = {"list": ("structure", "list", "map"), "map": ("structure", "map")}[row["type"]]
    if SHAPES[target]["type"] in together:
        return Place(holder=value, index=index, shape=target, path=inner, inner=inner)
    sentence = "Member must" if row["type"] == "list" else "Map value must"
    return Place(
        holder=value, index=index, shape=target, path=path, inner=inner, sentence=f"{sentence} satisfy constraint: ["
    )


def breakages(place: Place) -> Iterator[tuple[Any, str]]:
    """Yield values that break one constraint of a place's shape, each with the sentence that must be told."""
    row = constraints(place)
    measure = "value" if row["type"] in NUMBERS else "length"
    least, most = row.get("min"), row.get("max")
    if row.get("enum"):
        yield "no such value", "Member must satisfy enum value set: ["
    if row.get("pattern"):
        yield STRANGE, f"Member must satisfy regular expression pattern: {row['pattern']}"
    if least and place.shape not in OWN_WORDS:
        yield stretched(row, least - 1), f"Member must have {measure} greater than or equal to {least}"
    if most is not None:
        yield stretched(row, most + 1), f"Member must have {measure} less than or equal to {most}"


def stretched(row: Mapping[str, Any], measure: int) -> Any:
    """Return a value of that length, or that number."""
    if row["type"] in NUMBERS:
        return measure
    if row["type"] == "string":
        return "a" * measure
    if row["type"] == "list":
        return [sample(row["member"], whole=False)] * measure
    return {f"key{number}": sample(row["value"], whole=False) for number in range(measure)}


def refusal(operation: str, request: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        decode(operation, request)
    assert caught.value.kind is VALIDATION
    return caught.value.message


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_samples_pass_without_a_copy(operation: str, whole: bool) -> None:
    request = sample(OPERATIONS[operation].input, whole=whole)
    assert decode(operation, request) is request


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_missing_member_is_told_alone(operation: str) -> None:
    shape = OPERATIONS[operation].input
    pristine = sample(shape, whole=True)
    for number, template in enumerate(places(shape, pristine, "")):
        if not template.required:
            continue
        request = copy.deepcopy(pristine)
        place = list(places(shape, request, ""))[number]
        del place.holder[place.index]
        assert refusal(operation, request) == (
            f"1 validation error detected: Value null at '{place.path}' failed to satisfy constraint: "
            "Member must not be null"
        )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_broken_constraint_is_told(operation: str) -> None:
    shape = OPERATIONS[operation].input
    pristine = sample(shape, whole=True)
    for number, template in enumerate(places(shape, pristine, "")):
        for value, sentence in breakages(template):
            request = copy.deepcopy(pristine)
            place = list(places(shape, request, ""))[number]
            place.holder[place.index] = value
            message = refusal(operation, request)
            bare = BARE.get((operation, place.path)) if " must have " in sentence and not place.sentence else None
            where = f"Value at '{bare}'" if bare else f"at '{place.path}'"
            assert f"{where} failed to satisfy constraint: {place.sentence}" in message
            assert sentence in message
