"""GetRecords: the next records of a shard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.ops.get_shard_iterator import shard_not_found, trimmed
from extenddb.engine.streams import iterators, reading, records
from extenddb.engine.streams.iterators import Iterator
from extenddb.engine.streams.lookup import require_stream
from extenddb.engine.streams.registry import Stream

if TYPE_CHECKING:
    from extenddb.core.model.requests import GetRecordsInput

_RECORDS = 1000


async def get_records(context: Context, caller: Caller, request: GetRecordsInput) -> dict[str, Any]:
    """Answer GetRecords. There is no next iterator behind the last record of a closed shard."""
    key = await iterators.secret(context)
    now = context.clock()
    iterator = iterators.from_text(request["ShardIterator"], key, caller.account, now)
    stream = await require_stream(context, caller, iterator.arn)
    shard = stream.shard(iterator.shard)
    if shard is None:
        raise shard_not_found()
    after = _start(stream, iterator)
    stretch = await reading.forward(context, stream, shard, after, request.get("Limit") or _RECORDS)
    response: dict[str, Any] = {"Records": [records.record(stream, each) for each in stretch.records]}
    if not stretch.finished:
        at_horizon = iterator.from_horizon and not stretch.records
        following = replace(iterator, after=stretch.place, from_horizon=at_horizon, issued=now)
        response["NextShardIterator"] = iterators.to_text(following, key, caller.account)
    return response


def _start(stream: Stream, iterator: Iterator) -> int:
    if iterator.after >= stream.trimmed:
        return iterator.after
    if iterator.from_horizon:
        return stream.trimmed
    raise trimmed()
