"""The orders in which Java's hash tables list texts: the service's answers show them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_LOAD = 0.75  # a hash table grows when it holds more than this part of its buckets
_DEFAULT_BUCKETS = 16


def java_hash(text: str) -> int:
    """Return what Java's `String.hashCode` returns, as an unsigned number."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value


def hash_set(texts: Sequence[str]) -> list[str]:
    """Return texts in the order in which a Java 8 hash set of default size, filled in the given order, lists them."""
    return _listed(texts, _DEFAULT_BUCKETS)


def hash_table(texts: Sequence[str]) -> list[str]:
    """Return texts in the order in which a Java 8 hash table that was made for just as many lists them."""
    return _listed(texts, 1 << max(len(texts) - 1, 0).bit_length())


def _listed(texts: Sequence[str], buckets: int) -> list[str]:
    while len(texts) > buckets * _LOAD:
        buckets *= 2
    return sorted(texts, key=lambda text: (java_hash(text) ^ java_hash(text) >> 16) % buckets)
