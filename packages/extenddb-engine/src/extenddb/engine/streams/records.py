"""From what a write left behind to the record that a consumer reads. Pure."""

from __future__ import annotations

from hashlib import md5
from typing import Any

from extenddb.core.types.attribute import item_size
from extenddb.engine import codec
from extenddb.engine.streams import shards
from extenddb.engine.streams.registry import Stream
from extenddb.storage.model import Published


def record(stream: Stream, published: Published) -> dict[str, Any]:
    """Return one element of GetRecords' Records."""
    body = codec.parse(published.body)
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": published.created // 1000,
        "Keys": body["Keys"],
        "SequenceNumber": shards.number(published.sequence),
        "SizeBytes": sum(item_size(body[part]) for part in ("Keys", "Old", "New") if part in body),
        "StreamViewType": stream.view,
    }
    for part, member in (("New", "NewImage"), ("Old", "OldImage")):
        if part in body:
            change[member] = body[part]
    answer: dict[str, Any] = {
        "eventID": md5(f"{stream.id}/{published.sequence}".encode(), usedforsecurity=False).hexdigest(),
        "eventName": body["Event"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream.table_arn.split(":")[3],
        "dynamodb": change,
    }
    if "Identity" in body:
        answer["userIdentity"] = body["Identity"]
    return answer
