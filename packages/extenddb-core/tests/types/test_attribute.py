"""Attribute values: sizes by the service's rule, equality without order of sets, one walk equal to two."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extenddb.core.errors import ServiceError
from extenddb.core.types import attribute

scalars = st.one_of(
    st.text().map(lambda text: {"S": text}),
    st.integers(-(10**37), 10**37).map(lambda value: {"N": str(value)}),
    st.binary().map(lambda data: {"B": b64encode(data).decode()}),
    st.just({"NULL": True}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.sets(st.text(), min_size=1).map(lambda members: {"SS": sorted(members)}),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda members: {"L": members}),
        st.dictionaries(st.text(), inner, max_size=4).map(lambda members: {"M": members}),
    ),
    max_leaves=12,
)
items: st.SearchStrategy[dict[str, Any]] = st.dictionaries(st.text(min_size=1), values, max_size=6)


@given(items)
def test_measuring_while_normalizing_changes_neither(item: dict[str, Any]) -> None:
    normal, size = attribute.measured_item(item)
    assert normal == attribute.normalize_item(item)
    assert size == attribute.item_size(normal)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "äö"}, 4),
        ({"S": "\0"}, 1),
        ({"N": "0"}, 1),
        ({"N": "1"}, 2),
        ({"N": "-1"}, 3),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "1.5"}, 3),
        ({"B": b64encode(b"abcd").decode()}, 4),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "23"]}, 4),
        ({"L": []}, 3),
        ({"L": [{"S": "a"}]}, 5),
        ({"M": {}}, 3),
        ({"M": {"k": {"S": "a"}}}, 6),
    ],
)
def test_sizes(value: dict[str, Any], size: int) -> None:
    assert attribute.size(value) == size


@given(items)
def test_equality_ignores_the_order_of_sets_only(item: dict[str, Any]) -> None:
    turned = _turned({"M": item})
    assert attribute.equal({"M": item}, turned)
    assert not attribute.equal({"M": item}, {"M": {**item, "another": {"S": "x"}}})


def _turned(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "SS":
        return {kind: content[::-1]}
    if kind == "L":
        return {kind: [_turned(member) for member in content]}
    if kind == "M":
        return {kind: {name: _turned(member) for name, member in content.items()}}
    return value


@pytest.mark.parametrize("name", ["a" * 65536, "ä" * 32768, "\U0001f600" * 16384])
def test_names_of_more_than_65535_bytes_are_refused_at_any_depth(name: str) -> None:
    for item in ({name: {"S": "x"}}, {"m": {"M": {name: {"S": "x"}}}}, {"l": {"L": [{"M": {name: {"N": "1"}}}]}}):
        for read in (attribute.measured_item, attribute.normalize_item):
            with pytest.raises(ServiceError) as caught:
                read(item)
            assert caught.value.message == "Attribute name is too large, must be less than 65536 bytes"


@pytest.mark.parametrize("name", ["a" * 65535, "ä" * 32767])
def test_names_of_65535_bytes_are_fine(name: str) -> None:
    item = {name: {"S": "x"}, "m": {"M": {name: {"S": "x"}}}}
    assert attribute.normalize_item(item) == item
