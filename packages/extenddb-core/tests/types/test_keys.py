"""Keys: order of joined sort keys is that of the tuples, buckets follow digests, the format does not change."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from extenddb.core.types import keys
from extenddb.core.types.table import KeySchema

parts = st.lists(st.binary(max_size=4), min_size=2, max_size=2)


@given(parts, parts)
def test_joined_keys_order_as_tuples(left: list[bytes], right: list[bytes]) -> None:
    assert (keys.joined(left) < keys.joined(right)) == (tuple(left) < tuple(right))
    assert (keys.joined(left) == keys.joined(right)) == (left == right)


@given(st.lists(st.binary(max_size=3), min_size=2, max_size=4))
def test_a_joined_key_starts_with_its_prefix(values: list[bytes]) -> None:
    assert keys.joined(values).startswith(keys.prefix(values[:-1]))


@given(st.binary(max_size=4), st.binary(max_size=4))
def test_successor_bounds_a_prefix(prefix: bytes, other: bytes) -> None:
    bound = keys.successor(prefix)
    within = other >= prefix and (bound is None or other < bound)
    assert within == other.startswith(prefix)


@given(st.sampled_from("SB"), st.binary(max_size=8))
def test_values_come_back_from_their_bytes(kind: str, data: bytes) -> None:
    if kind == "S":
        data = data.decode("utf-8", "ignore").encode()
    value = keys.value_from_bytes(kind, data)
    assert keys.value_bytes(value) == data


def test_the_stored_format_does_not_change() -> None:
    """Digests and sort keys are on disk: these bytes are for ever."""
    digest = keys.digest(b"artist")
    assert digest.hex() == "eca41f6ea48f4afea35706e801593f171e1d22d9df565831"
    assert keys.bucket(digest) == int.from_bytes(digest[:2], "big") >> 4
    assert keys.sort([{"N": "-1.5"}]).hex() == "3e643366"
    assert keys.sort([{"S": "a\0"}, {"N": "7"}]).hex() == "6100ff0001c108"


_schema = KeySchema(hash=("h",), range=("r", "q"), types={"h": "S", "r": "B", "q": "N"})
_values = st.sampled_from(["", "a", "é", "a" * 1024, "é" * 1024, "é" * 1025, "a" * 2048, "a" * 2049])


@given(_values, st.integers(0, 1030), st.sampled_from(["0", "1", "-12345"]))
def test_an_item_has_a_key_where_no_value_is_empty_or_too_long(text: str, length: int, number: str) -> None:
    item = {"h": {"S": text}, "r": {"B": b64encode(bytes(length)).decode()}, "q": {"N": number}}
    sort = length + {"0": 1, "1": 2, "-12345": 5}[number]
    assert (_schema.entry_key(item) is not None) == (1 <= len(text.encode()) <= 2048 and length > 0 and sort <= 1024)
    assert _schema.entry_key({**item, "q": {"S": number}}) is None
    assert _schema.entry_key({name: item[name] for name in "hr"}) is None
