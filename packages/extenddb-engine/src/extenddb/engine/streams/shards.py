"""Shards: consecutive stretches of a stream's records, each read by whoever follows its lineage. Pure.

A stream is cut into lanes of key buckets, and each lane in time: the open shard of a lane is closed now and then and
gets a child. A shard holds the records of its buckets with `start < sequence <= end`; the open one has no end yet.

Where a shard ends must be the same for every reader, also for one that looked a moment before it was closed. So closing
writes a *mark* into the stream itself: it gets its place among the records, readers stop at it, and it becomes the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from extenddb.core.types.keys import BUCKETS, DIGEST_SIZE, Key
from extenddb.storage.model import Published

_MARK = b"shard ends "  # no record of a change starts like this: those are JSON objects
_FIRST_NUMBER = 10**20  # sequence numbers of the service have at least 21 digits
_LAST_SEQUENCE = (1 << 63) - 1  # to which a store counts
_DIGITS = 40  # of a sequence number, at most (API reference, GetShardIterator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One shard."""

    id: str
    parent: str | None = None
    buckets: tuple[int, int]
    """Half-open range of key buckets."""
    start: int
    """Sequence before the first record."""
    end: int | None = None
    """Sequence of the last record; None while the shard is open."""
    created: int
    """Milliseconds since the epoch."""
    closing: int | None = None
    """A sequence before the mark that ends the shard, from the moment it shall be closed."""
    closed: int | None = None
    """When it was closed, in milliseconds since the epoch."""


def first_shards(stream: str, lanes: int, now_ms: int) -> list[Shard]:
    """Return the shards of a new stream, one for each lane."""
    edges = [BUCKETS * lane // lanes for lane in range(lanes + 1)]
    return [
        Shard(id=_id(stream, now_ms, lane), buckets=(edges[lane], edges[lane + 1]), start=0, created=now_ms)
        for lane in range(lanes)
    ]


def _id(stream: str, now_ms: int, salt: object) -> str:
    tail = sha256(f"{stream}/{now_ms}/{salt}".encode()).hexdigest()[:8]
    return f"shardId-{now_ms:020d}-{tail}"


def closed(shards: Sequence[Shard], last: int, now_ms: int) -> list[Shard]:
    """Return the shards with all open ones ended at a sequence."""
    return [shard if shard.end is not None else replace(shard, end=last, closed=now_ms) for shard in shards]


def mark(shard: Shard) -> bytes:
    """Return the body of the record that ends a shard."""
    return _MARK + shard.id.encode()


def is_mark(body: bytes) -> bool:
    """Tell whether a record is the end of a shard."""
    return body.startswith(_MARK)


def before_mark(found: Sequence[Published], shard: Shard) -> Sequence[Published]:
    """Return what stands before the shard's own mark: what follows it belongs to the child.

    The end of a shard that has one counts alone; marks of other shards, or second ones, end nothing.
    """
    if shard.end is None:
        own = mark(shard)
        for count, each in enumerate(found):
            if each.body == own:
                return found[:count]
    return found


def mark_key(stream: str, shard: Shard) -> Key:
    """Return the key of the row written with a shard's mark: in the shard's buckets, so that its readers see it."""
    first = shard.buckets[0] << 4
    tail = sha256(f"{stream}/{shard.id}".encode()).digest()[: DIGEST_SIZE - 2]
    return Key(first.to_bytes(2, "big") + tail, b"")


def closing(shards: Sequence[Shard], shard_id: str, last: int) -> list[Shard]:
    """Return the shards with one of them to be closed, its mark to be found behind a sequence.

    One that is closed, or to be closed, or gone stays as it is.
    """
    return [
        replace(shard, closing=last) if shard.id == shard_id and shard.end is None and shard.closing is None else shard
        for shard in shards
    ]


def followed(stream: str, shards: Sequence[Shard], shard_id: str, end: int, now_ms: int) -> list[Shard]:
    """Return the shards with one of them ended at its mark and followed by a child; unchanged if it is not open."""
    shard = next((each for each in shards if each.id == shard_id and each.end is None), None)
    if shard is None:
        return [*shards]
    child = Shard(id=_id(stream, now_ms, shard.id), parent=shard.id, buckets=shard.buckets, start=end, created=now_ms)
    ended = replace(shard, end=end, closed=now_ms, closing=None)
    return [*(ended if each.id == shard.id else each for each in shards), child]


def retained(shards: Sequence[Shard], *, closed_after_ms: int) -> list[Shard]:
    """Return the shards that are open or were closed after a time."""
    return [shard for shard in shards if shard.closed is None or shard.closed > closed_after_ms]


def number(sequence: int) -> str:
    """Return the text of a sequence number."""
    return str(_FIRST_NUMBER + sequence)


def sequence_of(text: str) -> int | None:
    """Return the sequence of a sequence number's text; None for what is not one of ours."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        return None
    sequence = int(text) - _FIRST_NUMBER
    return sequence if 0 <= sequence <= _LAST_SEQUENCE else None
