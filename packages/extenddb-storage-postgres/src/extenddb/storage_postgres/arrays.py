"""Values in PostgreSQL's binary format, packed by hand.

The driver's own array dumpers cost more Python than the rest of a statement; these few formats are fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from extenddb.core.types.keys import BUCKETS, Key, bucket

_HEADER = Struct(">iiiii")  # dimensions, has nulls, element type, length, lower bound
_EMPTY = Struct(">iii")
_LENGTH = Struct(">i")
_INT8 = Struct(">q")
_BYTEA_OID, _INT8_OID, _INT4_OID, _TEXT_OID = 17, 20, 23, 25
_NULL = b"\xff\xff\xff\xff"

int4 = _LENGTH.pack
"""Pack one int4."""
int8 = _INT8.pack
"""Pack one int8."""
_length = _LENGTH.pack
_BUCKETS = [b"\0\0\0\x08" + int8(number) for number in range(BUCKETS)]


def _header(oid: int, count: int, *, nulls: bool = False) -> bytes:
    return _HEADER.pack(1, nulls, oid, count, 1) if count else _EMPTY.pack(0, 0, oid)


def byteas(values: Sequence[bytes]) -> bytes:
    """Pack a bytea[]."""
    return _strings(_BYTEA_OID, values)


def texts(values: Sequence[str]) -> bytes:
    """Pack a text[]."""
    return _strings(_TEXT_OID, [value.encode() for value in values])


def _strings(oid: int, values: Sequence[bytes]) -> bytes:
    header = _header(oid, len(values))
    sizes = set(map(len, values))
    if len(sizes) == 1:  # digests always, absent sort keys too
        length = _length(sizes.pop())
        return header + length + length.join(values)
    return header + b"".join([part for value in values for part in (_length(len(value)), value)])


def int8s(values: Sequence[int]) -> bytes:
    """Pack an int8[]."""
    return _header(_INT8_OID, len(values)) + b"".join([b"\0\0\0\x08" + int8(value) for value in values])


def int4s(values: Sequence[int | None]) -> bytes:
    """Pack an int4[] in which None is NULL."""
    packed = [_NULL if value is None else b"\0\0\0\x04" + int4(value) for value in values]
    return _header(_INT4_OID, len(values), nulls=_NULL in packed) + b"".join(packed)


def key_arrays(keys: Sequence[Key]) -> tuple[bytes, bytes, bytes]:
    """Return buckets, partitions and sort keys as packed arrays."""
    return (
        _header(_INT8_OID, len(keys)) + b"".join([_BUCKETS[bucket(partition)] for partition, _ in keys]),
        byteas([partition for partition, _ in keys]),
        byteas([sort for _, sort in keys]),
    )


def integer(value: bytes | None) -> int:
    """Unpack an int4 or int8; NULL is 0."""
    return 0 if value is None else int.from_bytes(value, "big", signed=True)
