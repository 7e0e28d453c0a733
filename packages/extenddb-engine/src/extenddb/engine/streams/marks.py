"""Finding the mark that ends a shard."""

from __future__ import annotations

from extenddb.engine.context import Context
from extenddb.engine.streams import shards
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard

_PAGE = 1000


async def find(context: Context, stream: Stream, shard: Shard) -> int | None:
    """Return the sequence of a shard's mark; None while it has none."""
    if shard.closing is None:
        return None
    after, wanted = shard.closing, shards.mark(shard)
    while True:
        found = await context.backend.streams.read(stream.id, after=after, buckets=shard.buckets, limit=_PAGE)
        for each in found:
            if each.body == wanted:
                return each.sequence
        if len(found) < _PAGE:
            return None
        after = found[-1].sequence
