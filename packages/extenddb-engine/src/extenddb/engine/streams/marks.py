"""Finding the mark that ends a shard."""

from __future__ import annotations

from extenddb.engine.context import Context
from extenddb.engine.streams import shards
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard

_PAGE = 1000
_BYTES = 4 * 1024 * 1024  # of records looked at in one read


async def find(context: Context, stream: Stream, shard: Shard) -> int | None:
    """Return the sequence of a shard's mark; None while it has none."""
    if shard.closing is None:
        return None
    after, wanted = shard.closing, shards.mark(shard)
    while True:
        found = await context.backend.streams.read(
            stream.id, after=after, buckets=shard.buckets, limit=_PAGE, max_bytes=_BYTES
        )
        for each in found.records:
            if each.body == wanted:
                return each.sequence
        if not found.stopped:
            return None
        after = found.records[-1].sequence
