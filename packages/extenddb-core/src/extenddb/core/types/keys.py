"""Keys: attribute values to the bytes that stores order and compare.

A partition key becomes a 24-byte digest: the first eight bytes of MD5 over `Outliers` and the key's bytes, which is
the
service's own partition order as publicly observed, and sixteen bytes of BLAKE2b over the key's bytes, so that no
crafted
MD5 collision can make two keys one. A sort key becomes bytes whose unsigned order is the order of the values. Keys of
several attributes (secondary indexes) are joined so that neither identity nor order can be confused.

The format is stored and never changes.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b, md5
from typing import Any, NamedTuple

from extenddb.core.types import number
from extenddb.core.types.attribute import AttributeValue

DIGEST_SIZE = 24
"""Bytes of a partition digest."""
BUCKET_BITS = 12
"""Leading bits of a digest that make its bucket, the unit of distribution and of scan segments."""
BUCKETS = 1 << BUCKET_BITS

_SALTED = md5(b"Outliers", usedforsecurity=False)
_MD5_BYTES = 8


class Key(NamedTuple):
    """Where a row stands: the partition's digest and the sort key's bytes (empty without a sort key)."""

    partition: bytes
    sort: bytes


ENCODERS: Mapping[str, Callable[[str], bytes]] = {"S": str.encode, "N": number.encode, "B": b64decode}
"""Order-preserving bytes of the content of a normal key value, by its type."""


def value_bytes(value: AttributeValue) -> bytes:
    """Return the order-preserving bytes of a normal key value of type S, N or B."""
    ((kind, content),) = value.items()
    return ENCODERS[kind](content)


def value_from_bytes(kind: str, data: bytes) -> AttributeValue:
    """Return the key value of type `kind` that `value_bytes` turned into these bytes."""
    content: Any
    if kind == "S":
        content = data.decode()
    elif kind == "N":
        content = number.decode(data)
    else:
        content = b64encode(data).decode("ascii")
    return {kind: content}


def digest(data: bytes) -> bytes:
    """Return the partition digest of a partition key's bytes."""
    head = _SALTED.copy()
    head.update(data)
    return head.digest()[:_MD5_BYTES] + blake2b(data, digest_size=DIGEST_SIZE - _MD5_BYTES).digest()


def partition(values: Sequence[AttributeValue]) -> bytes:
    """Return the partition digest of one or more partition key values."""
    return digest(joined([value_bytes(value) for value in values]))


def sort(values: Sequence[AttributeValue]) -> bytes:
    """Return the sort key bytes of any number of sort key values."""
    return joined([value_bytes(value) for value in values])


def joined(parts: Sequence[bytes]) -> bytes:
    """Join the bytes of any number of values so that order is that of the tuples and no two tuples meet.

    Every zero byte becomes 00 FF and every part but the last ends with 00 01: a part that is a prefix of another
    sorts before it whatever follows.
    """
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return b""
    *leading, last = parts
    return b"".join([prefix(leading), last.replace(b"\x00", b"\x00\xff")])


def prefix(parts: Sequence[bytes]) -> bytes:
    """Return what every joined tuple starts with whose leading parts are these."""
    return b"".join(part.replace(b"\x00", b"\x00\xff") + b"\x00\x01" for part in parts)


def bucket(partition_digest: bytes) -> int:
    """Return the bucket of a partition digest, 0 to 4095."""
    return (partition_digest[0] << 4) | (partition_digest[1] >> 4)


def successor(data: bytes) -> bytes | None:
    """Return the smallest bytes that sort after everything starting with `data`; None if there are none."""
    stripped = data.rstrip(b"\xff")
    if not stripped:
        return None
    return stripped[:-1] + bytes((stripped[-1] + 1,))
