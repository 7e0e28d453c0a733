"""DescribeStream: a stream's state and its shards, by pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.errors import validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import shards
from extenddb.engine.streams.lookup import require_stream
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeStreamInput

_PAGE = 100


async def describe_stream(context: Context, caller: Caller, request: DescribeStreamInput) -> dict[str, Any]:
    """Answer DescribeStream."""
    stream = await require_stream(context, caller, request["StreamArn"])
    wanted = _wanted(stream, request)
    start = request.get("ExclusiveStartShardId")
    if start is not None:
        known = [shard.id for shard in stream.shards]
        if start not in known:
            raise validation(f"Invalid ExclusiveStartShardId: {start}")
        later = set(known[known.index(start) + 1 :])
        wanted = [shard for shard in wanted if shard.id in later]
    limit = request.get("Limit") or _PAGE
    page = wanted[:limit]
    description: dict[str, Any] = {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": "ENABLED" if stream.disabled is None else "DISABLED",
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created / 1000,
        "TableName": stream.table,
        "KeySchema": stream.key_schema,
        "Shards": [_described(shard) for shard in page],
    }
    if len(wanted) > limit:
        description["LastEvaluatedShardId"] = page[-1].id
    return {"StreamDescription": description}


def _wanted(stream: Stream, request: Any) -> list[Shard]:
    filter_ = request.get("ShardFilter") or {}
    if filter_.get("Type") == "CHILD_SHARDS":
        return [shard for shard in stream.shards if shard.parent == filter_.get("ShardId")]
    return list(stream.shards)


def _described(shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": shards.number(shard.start + 1)}
    if shard.end is not None:
        numbers["EndingSequenceNumber"] = shards.number(max(shard.end, shard.start + 1))
    described: dict[str, Any] = {"ShardId": shard.id, "SequenceNumberRange": numbers}
    if shard.parent is not None:
        described["ParentShardId"] = shard.parent
    return described
