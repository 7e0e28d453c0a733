"""GetRecords: the next records of a shard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import resource_not_found
from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.get_shard_iterator import trimmed
from extenddb.engine.streams import iterators, records, shards
from extenddb.engine.streams.iterators import Iterator
from extenddb.engine.streams.lookup import require_stream
from extenddb.engine.streams.registry import Stream
from extenddb.storage.model import Published

if TYPE_CHECKING:
    from extenddb.core.model.requests import GetRecordsInput

_RECORDS = 1000
_BYTES = 1024 * 1024  # of one answer (API reference, GetRecords)


async def get_records(context: Context, caller: Caller, request: GetRecordsInput) -> dict[str, Any]:
    """Answer GetRecords. There is no next iterator behind the last record of a closed shard."""
    key = await iterators.secret(context)
    now = context.clock()
    iterator = iterators.from_text(request["ShardIterator"], key, caller.account, now)
    stream = await require_stream(context, caller, iterator.arn)
    shard = stream.shard(iterator.shard)
    if shard is None:
        raise resource_not_found(f"Requested resource not found: Shard: {iterator.shard} not found")
    after = _start(stream, iterator)
    limit = request.get("Limit") or _RECORDS
    found = await context.backend.streams.read(
        stream.id, after=after, until=shard.end, buckets=shard.buckets, limit=limit
    )
    kept = _within_budget(_before_mark(found))
    response: dict[str, Any] = {"Records": [records.record(stream, each) for each in kept]}
    end = kept[-1].sequence if kept else after
    if shard.end is None or (len(found) == limit and found[-1].sequence < shard.end) or end < _last(found, end):
        following = replace(iterator, after=end, from_horizon=iterator.from_horizon and not kept, issued=now)
        response["NextShardIterator"] = iterators.to_text(following, key, caller.account)
    return response


def _start(stream: Stream, iterator: Iterator) -> int:
    if iterator.after >= stream.trimmed:
        return iterator.after
    if iterator.from_horizon:
        return stream.trimmed
    raise trimmed(iterator.after + 1)


def _before_mark(found: list[Published]) -> list[Published]:
    """Return the records before the mark that ends the shard: what follows it belongs to the child."""
    for count, each in enumerate(found):
        if shards.is_mark(each.body):
            return found[:count]
    return found


def _last(found: list[Published], default: int) -> int:
    """Return the sequence of the last record of the shard that was found."""
    records_found = _before_mark(found)
    return records_found[-1].sequence if records_found else default


def _within_budget(found: list[Published]) -> list[Published]:
    size = 0
    for count, each in enumerate(found):
        size += len(each.body)
        if size > _BYTES and count:
            return found[:count]
    return found
