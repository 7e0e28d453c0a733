"""Reading on in a shard, by pieces: records may be large, and only a megabyte of them is answered at a time."""

from __future__ import annotations

from dataclasses import dataclass

from extenddb.engine.context import Context
from extenddb.engine.streams import shards
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard
from extenddb.storage.model import Published

_BYTES = 1024 * 1024  # of one answer (API reference, GetRecords)
_FIRST = 16  # records of the first read: enough for a consumer that keeps up, at most 13 MB
_GROWTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive records of a shard."""

    records: list[Published]
    place: int
    """Sequence behind which to read on."""
    finished: bool
    """The shard is closed, and nothing of it follows."""


async def forward(context: Context, stream: Stream, shard: Shard, after: int, limit: int) -> Stretch:
    """Return the next records of a shard, at most `limit` and about a megabyte, but one if there is any."""
    records: list[Published] = []
    place, size, wanted = after, 0, min(limit, _FIRST)
    while wanted:
        page = await context.backend.streams.read(
            stream.id, after=place, until=shard.end, buckets=shard.buckets, limit=wanted
        )
        readable = shards.before_mark(page, shard)
        for each in readable:
            size += len(each.body)
            if size > _BYTES and records:
                return Stretch(records=records, place=place, finished=False)
            place = each.sequence
            if not shards.is_mark(each.body):
                records.append(each)
        if len(readable) < wanted:
            return Stretch(records=records, place=place, finished=shard.end is not None)
        wanted = min(limit - len(records), wanted * _GROWTH)
    return Stretch(records=records, place=place, finished=shard.end is not None and place >= shard.end)
