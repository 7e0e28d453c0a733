"""Keys: order of joined sort keys is that of the tuples, buckets follow digests, the format does not change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extenddb.core.types import keys

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
