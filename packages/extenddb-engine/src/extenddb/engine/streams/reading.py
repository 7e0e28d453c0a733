"""Reading on in a shard. Marks of other shards are passed over, and its own one ends it for its readers."""

from __future__ import annotations

from dataclasses import dataclass

from extenddb.engine.context import Context
from extenddb.engine.streams import shards
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard
from extenddb.storage.model import Published

_BYTES = 1024 * 1024  # of one answer (API reference, GetRecords)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive records of a shard."""

    records: list[Published]
    place: int
    """Sequence behind which to read on."""
    finished: bool
    """The shard is closed, and nothing of it follows."""


async def forward(context: Context, stream: Stream, shard: Shard, after: int, limit: int) -> Stretch:
    """Return the next records of a shard, at most `limit` and at most a megabyte, but one if there is any."""
    place = after
    while True:
        page = await context.backend.streams.read(
            stream.id, after=place, until=shard.end, buckets=shard.buckets, limit=limit, max_bytes=_BYTES
        )
        readable = shards.before_mark(page.records, shard)
        place = readable[-1].sequence if readable else place
        records = [each for each in readable if not shards.is_mark(each.body)]
        if not page.stopped or len(readable) < len(page.records):
            return Stretch(records=records, place=place, finished=shard.end is not None)
        if records:
            return Stretch(records=records, place=place, finished=shard.end is not None and place >= shard.end)
