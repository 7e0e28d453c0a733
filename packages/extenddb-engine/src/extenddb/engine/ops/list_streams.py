"""ListStreams: the streams of the caller's tables, also of tables that are gone, by pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import table_name
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import registry
from extenddb.engine.streams.lookup import require_stream

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListStreamsInput

_PAGE = 100


async def list_streams(context: Context, caller: Caller, request: ListStreamsInput) -> dict[str, Any]:
    """Answer ListStreams."""
    prefix = f"{context.namespace(caller)}/"
    if request.get("TableName") is not None:
        prefix += f"{table_name(request['TableName'])}/"
    after = ""
    if request.get("ExclusiveStartStreamArn") is not None:
        after = (await require_stream(context, caller, request["ExclusiveStartStreamArn"])).key
    limit = request.get("Limit") or _PAGE
    documents = await context.backend.documents.list(registry.KIND, prefix=prefix, after=after, limit=limit + 1)
    streams = [registry.from_body(document.body) for document in documents[:limit]]
    response: dict[str, Any] = {
        "Streams": [
            {"StreamArn": stream.arn, "TableName": stream.table, "StreamLabel": stream.label} for stream in streams
        ]
    }
    if len(documents) > limit:
        response["LastEvaluatedStreamArn"] = streams[-1].arn
    return response
