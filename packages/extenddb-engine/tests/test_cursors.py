"""Ranges of sort keys and segments, against what they mean: a value is in a range if and only if it fits."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extenddb.core.errors import ServiceError
from extenddb.core.expressions import KeyRange
from extenddb.core.types.keys import digest
from extenddb.core.types.table import KeySchema
from extenddb.engine.cursors import Segment, sort_bounds
from extenddb.engine.keys import check_values

Value = dict[str, Any]
NAMES = ("a", "b", "c", "d")
TEXT = st.text(alphabet="\0\x01a\xffb", min_size=1, max_size=3)
STRATEGIES: dict[str, st.SearchStrategy[Value]] = {
    "S": TEXT.map(lambda text: {"S": text}),
    "N": st.sampled_from(["-100", "-1.5", "-1", "0", "0.1", "1", "1.5", "15", "100"]).map(lambda text: {"N": text}),
    "B": st.binary(min_size=1, max_size=3).map(lambda data: {"B": b64encode(data).decode()}),
}


def order(value: Value) -> Any:
    """Return what a value is ordered by, written apart from the engine."""
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content.encode() if kind == "S" else b64decode(content)


FITS: dict[str, Callable[..., bool]] = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "BETWEEN": lambda value, low, high: low <= value <= high,
    "begins_with": lambda value, prefix: value.startswith(prefix),
}


@st.composite
def ranges(draw: st.DrawFn) -> tuple[KeySchema, KeyRange, dict[str, Value]]:
    """Draw a schema, a range of its sort keys, and an item."""
    kinds = draw(st.lists(st.sampled_from("SNB"), min_size=1, max_size=4))
    names = NAMES[: len(kinds)]
    schema = KeySchema(hash=("p",), range=names, types={"p": "S", **dict(zip(names, kinds, strict=True))})
    equal = draw(st.integers(0, len(kinds)))
    equals = tuple(draw(STRATEGIES[kind]) for kind in kinds[:equal])
    operator: str | None = None
    values: tuple[Value, ...] = ()
    if equal < len(kinds) and draw(st.booleans()):
        kind = kinds[equal]
        operator = draw(st.sampled_from([each for each in FITS if kind != "N" or each != "begins_with"]))
        values = tuple(draw(STRATEGIES[kind]) for _ in range(2 if operator == "BETWEEN" else 1))
    item = {"p": {"S": "p"}, **{name: draw(STRATEGIES[kind]) for name, kind in zip(names, kinds, strict=True)}}
    # Else an item that fits would be rare.
    item |= {name: value for name, value in zip(names, equals, strict=False) if draw(st.booleans())}
    wanted = KeyRange(partition=({"S": "p"},), sort_equals=equals, operator=operator, values=values)
    return schema, wanted, item


def fits(schema: KeySchema, wanted: KeyRange, item: dict[str, Value]) -> bool:
    """Tell whether an item fits, attribute by attribute."""
    for name, value in zip(schema.range, wanted.sort_equals, strict=False):
        if order(item[name]) != order(value):
            return False
    if wanted.operator is None:
        return True
    name = schema.range[len(wanted.sort_equals)]
    return FITS[wanted.operator](order(item[name]), *map(order, wanted.values))


@settings(max_examples=500)
@given(ranges())
def test_bounds_hold_what_fits_and_nothing_else(drawn: tuple[KeySchema, KeyRange, dict[str, Value]]) -> None:
    schema, wanted, item = drawn
    if wanted.operator == "BETWEEN":
        low, high = wanted.values
        assume(order(low) <= order(high))
    assert (schema.key(item).sort in sort_bounds(schema, wanted)) == fits(schema, wanted, item)


@given(st.integers(1, 1_000_000), st.binary())
def test_a_partition_is_in_one_segment(total: int, data: bytes) -> None:
    partition = digest(data)
    near = int.from_bytes(partition[:8], "big") * total >> 64
    holding = [
        number for number in range(max(0, near - 2), min(total, near + 3)) if Segment(number, total).holds(partition)
    ]
    assert len(holding) == 1


@given(st.integers(2, 1_000_000))
def test_segments_meet_without_gaps(total: int) -> None:
    assert Segment(0, total).lower() == b""
    assert Segment(total - 1, total).upper() is None
    for number in (0, total // 2 - 1, total - 2):
        assert Segment(number, total).upper() == Segment(number + 1, total).lower()


def test_bounds_of_nothing_but_the_partition_are_open() -> None:
    schema = KeySchema(hash=("p",), range=("a",), types={"p": "S", "a": "S"})
    bounds = sort_bounds(schema, KeyRange(partition=({"S": "p"},)))
    assert bounds == (None, None)
    assert b"" in bounds
    assert "text" not in bounds


@pytest.mark.parametrize("value", [{"S": ""}, {"B": ""}])
def test_a_start_key_may_not_be_empty(value: Value) -> None:

    schema = KeySchema(hash=("p",), types={"p": next(iter(value))})
    with pytest.raises(ServiceError, match="cannot contain an empty"):
        check_values(schema, {"p": value})
