"""GetShardIterator: a place in a shard to read on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import TRIMMED_DATA_ACCESS, ServiceError, resource_not_found, validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import iterators, marks, shards
from extenddb.engine.streams.iterators import Iterator
from extenddb.engine.streams.lookup import require_stream
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard

if TYPE_CHECKING:
    from extenddb.core.model.requests import GetShardIteratorInput


_PAGE = 1000
_BYTES = 4 * 1024 * 1024  # of records looked at in one read


async def get_shard_iterator(context: Context, caller: Caller, request: GetShardIteratorInput) -> dict[str, Any]:
    """Answer GetShardIterator."""
    kind = request["ShardIteratorType"]
    number = request.get("SequenceNumber")
    _check_number(kind, number)
    if kind == "AT_TIMESTAMP" and request.get("Timestamp") is None:
        raise validation("Timestamp must be provided when ShardIteratorType is AT_TIMESTAMP")
    stream = await require_stream(context, caller, request["StreamArn"])
    shard = stream.shard(request["ShardId"])
    if shard is None:
        raise shard_not_found()
    iterator = Iterator(
        arn=stream.arn,
        shard=shard.id,
        after=await _after(context, stream, shard, kind, number, request.get("Timestamp")),
        from_horizon=kind == "TRIM_HORIZON",
        issued=context.clock(),
    )
    key = await iterators.secret(context)
    return {"ShardIterator": iterators.to_text(iterator, key, caller.account)}


def _check_number(kind: str, number: str | None) -> None:
    if kind.endswith("_SEQUENCE_NUMBER"):
        if number is None:
            raise validation(f"SequenceNumber must be provided when ShardIteratorType is {kind}")
        if shards.sequence_of(number) is None:
            raise validation("Invalid SequenceNumber")
    elif number is not None:
        raise validation(f"SequenceNumber must not be provided when ShardIteratorType is {kind}")


async def _after(
    context: Context, stream: Stream, shard: Shard, kind: str, number: str | None, moment: float | None
) -> int:
    if kind == "TRIM_HORIZON":
        return max(shard.start, stream.trimmed)
    if kind == "LATEST":
        return await _latest(context, stream, shard)
    if kind == "AT_TIMESTAMP":
        return await _before(context, stream, shard, int((moment or 0) * 1000))
    sequence = shards.sequence_of(number or "")
    if sequence is None or sequence <= shard.start or (shard.end is not None and sequence > shard.end):
        raise validation("Invalid SequenceNumber: it is not within the range of the shard")
    if sequence <= stream.trimmed:
        raise trimmed()
    return sequence if kind == "AFTER_SEQUENCE_NUMBER" else sequence - 1


async def _latest(context: Context, stream: Stream, shard: Shard) -> int:
    if shard.end is not None:
        return shard.end
    mark = await marks.find(context, stream, shard)
    return mark - 1 if mark is not None else await context.backend.streams.last(stream.id)


async def _before(context: Context, stream: Stream, shard: Shard, moment_ms: int) -> int:
    """Return the sequence behind which the first record not older than a moment stands."""
    after = max(shard.start, stream.trimmed)
    while True:
        found = await context.backend.streams.read(
            stream.id, after=after, until=shard.end, buckets=shard.buckets, limit=_PAGE, max_bytes=_BYTES
        )
        readable = shards.before_mark(found.records, shard)
        for each in readable:
            if each.created >= moment_ms and not shards.is_mark(each.body):
                return after
            after = each.sequence
        if not found.stopped or len(readable) < len(found.records):
            return after


def trimmed() -> ServiceError:
    """Return the error for reading what is no longer kept."""
    return ServiceError(TRIMMED_DATA_ACCESS, "The data you are trying to access has been trimmed")


def shard_not_found() -> ServiceError:
    """Return the error for a shard that the stream does not have, or not any more."""
    return resource_not_found("Requested resource not found: Shard does not exist")
