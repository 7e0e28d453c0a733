"""Attribute values of few kinds each, so that random requests meet each other, and all of them awkward."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

Value = dict[str, Any]

_STRINGS = ("a", "b", "ab", "a\x00", "\x00", "é", "e\u0301", "\U0001f600", "\uffff", "B", " ", "a'\"\\%_")
_NUMBERS = (
    *("0", "-0.0", "1", "1.0", "1E0", "-1", "2", "10", "9", "-10", "0.1", "1e-130", "-1e-130", "9.9e125"),
    *("-9.9e125", "12345678901234567890123456789012345678", "12345678901234567890123456789012345679", "0.00000001"),
)
_BYTES = (b"a", b"b", b"ab", b"\x00", b"a\x00", b"\xff", b"\x80\x00", b"\xff\xff")
_POOLS: dict[str, tuple[str, ...]] = {
    "S": _STRINGS,
    "N": _NUMBERS,
    "B": tuple(base64.b64encode(each).decode() for each in _BYTES),
}
_ILLEGAL: tuple[Value, ...] = ({"S": ""}, {"N": "1e126"}, {"N": "x"}, {"N": ""}, {"B": ""}, {"SS": []}, {}, {"S": 1})


def scalars(kind: str) -> st.SearchStrategy[Value]:
    """Return values of one key type."""
    return st.sampled_from([{kind: text} for text in _POOLS[kind]])


def key_values(name: str) -> st.SearchStrategy[Value]:
    """Return values for a key attribute; its name's first letter is its type."""
    return scalars(name[0].upper())


def partitions(name: str) -> st.SearchStrategy[Value]:
    """Return very few values for a partition key attribute, so that items share partitions and requests meet them."""
    kind = name[0].upper()
    return st.sampled_from([{kind: text} for text in _POOLS[kind][:3]]) | scalars(kind)


def anything() -> st.SearchStrategy[Value]:
    """Return values of every type, nested."""
    return st.recursive(_flat(), lambda inner: _lists(inner) | _maps(inner), max_leaves=5)


def expiries() -> st.SearchStrategy[Value]:
    """Return what an item may say of its end: past, long past, future, and what means nothing."""
    return st.sampled_from([{"N": "1699999999"}, {"N": "1500000000"}, {"N": "2e9"}, {"N": "1.5"}, {"S": "1699999999"}])


def odd() -> st.SearchStrategy[Value]:
    """Return values that are never legal, or not as a key."""
    return st.sampled_from(_ILLEGAL) | anything()


def _flat() -> st.SearchStrategy[Value]:
    sets = [
        st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True).map(_wrapped(f"{kind}S"))
        for kind, pool in _POOLS.items()
    ]
    plain = st.sampled_from(
        [{"BOOL": True}, {"BOOL": False}, {"NULL": True}, {"S": ""}, {"B": ""}, {"L": []}, {"M": {}}]
    )
    return st.one_of(scalars("S"), scalars("N"), scalars("B"), plain, *sets)


def _wrapped(kind: str) -> Any:
    return lambda content: {kind: content}


def _lists(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.lists(inner, max_size=3).map(_wrapped("L"))


def _maps(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.dictionaries(st.sampled_from(["a", "b", "c.d"]), inner, max_size=3).map(_wrapped("M"))
