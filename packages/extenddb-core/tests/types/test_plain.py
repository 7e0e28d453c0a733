"""What is right at a glance is right: every check and the normal form leave such an item as it is."""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extenddb.core.errors import ServiceError
from extenddb.core.limits import ITEM_SIZE
from extenddb.core.model import OPERATIONS
from extenddb.core.types.attribute import measured_item
from extenddb.core.types.plain import PlainItem, plain_item, plain_size
from extenddb.core.validation.rules import shape
from extenddb.core.wire.decode import decode, decode_exactly

TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(["", "a", "é", "語", "😀", '"', "\\", "\x00", "a" * 300]))
NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.sampled_from(
        ["0", "-0", "1", "10", "100", "1E3", "1.50", "+4", "007", "-1.5", ".5", "1e126", "x", "", " 1", "٣"]
    ),
)
BINARIES = st.one_of(
    st.binary(max_size=6).map(lambda data: b64encode(data).decode()),
    st.sampled_from(["", "AB==", "AA==", "AA=", "A", "AAA=", "AAAA", "A A=", "é", "____", "AA==AA=="]),
)
JUNK = st.sampled_from([None, True, False, 0, 1, 1.5, "x", [], {}, [1], {"S": "x"}, ["x", "x"], ["x", 1]])


def contents(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return values of all types, some of them wrong."""
    right = {
        "S": TEXTS,
        "N": NUMBERS,
        "B": BINARIES,
        "SS": st.lists(TEXTS, max_size=3),
        "NS": st.lists(NUMBERS, max_size=3),
        "BS": st.lists(BINARIES, max_size=3),
        "BOOL": st.booleans(),
        "NULL": st.booleans(),
        "L": st.lists(values, max_size=3),
        "M": st.dictionaries(TEXTS, values, max_size=3),
    }
    kinds = st.sampled_from([*right, "X"])
    return kinds.flatmap(lambda kind: st.fixed_dictionaries({kind: right.get(kind, JUNK)}))


SIMPLE = st.one_of(*[st.fixed_dictionaries({kind: texts}) for kind, texts in (("S", TEXTS), ("N", NUMBERS))])
VALUES = st.recursive(SIMPLE, lambda inner: st.one_of(contents(inner), contents(JUNK)), max_leaves=8)
ITEMS = st.dictionaries(TEXTS, VALUES, max_size=4)


def wrapped(value: Any, times: int) -> Any:
    """Return a value within so many lists."""
    return value if times == 0 else {"L": [wrapped(value, times - 1)]}


@settings(max_examples=600)
@given(item=ITEMS, times=st.sampled_from([0, 0, 0, 1, 7, 8, 30, 31, 32, 33]))
def test_plain_items_pass_all_checks_unchanged(item: dict[str, Any], times: int) -> None:
    item = {name: wrapped(value, times) for name, value in item.items()}
    before = deepcopy(item)
    size = plain_size(item)
    assert repr(item) == repr(before)
    if size is None:
        return
    payload = {"TableName": "table", "Item": item}
    assert repr(decode_exactly(shape(OPERATIONS["PutItem"].input), payload)["Item"]) == repr(before)
    normal, measured = measured_item(item)
    assert (repr(normal), measured) == (repr(before), size)


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"a": {"S": "é"}}, 3),
        ({"a": {"N": "-12.5"}, "b": {"NULL": True}}, 7),
        ({"a": {"L": [{"N": "1"}, {"M": {"b": {"BS": ["AA=="]}}}]}}, 1 + 5 + 2 + 4 + 2),
        ({"a": {"S": "x" * (ITEM_SIZE - 1)}}, ITEM_SIZE),
    ],
)
def test_most_items_are_plain(item: dict[str, Any], size: int) -> None:
    assert plain_size(item) == measured_item(item)[1] == size


@pytest.mark.parametrize("more", [{}, {"ConditionExpression": None}, {"Unknown": 1}])
def test_a_request_has_an_equal_item_whatever_way_it_goes(more: dict[str, Any]) -> None:
    item = {"a": {"S": "x"}, "b": {"N": "1"}}
    request = decode("PutItem", {"TableName": "table", "Item": dict(item), **more})
    assert request == {"TableName": "table", "Item": item}
    assert isinstance(plain_item(item), PlainItem)


def test_a_plain_item_excuses_nothing_beside_it() -> None:
    puts = [{"PutRequest": {"Item": {"a": {"S": "x"}}}}, {"PutRequest": {"Item": {"a": {"S": 1}}}}]
    with pytest.raises(ServiceError, match="NUMBER_VALUE cannot be converted to String"):
        decode("BatchWriteItem", {"RequestItems": {"table": puts}})
