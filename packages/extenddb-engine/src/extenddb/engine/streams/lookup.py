"""Finding a stream by its ARN, for its own account only."""

from __future__ import annotations

from extenddb.core.arn import parse_table
from extenddb.core.errors import ServiceError, resource_not_found, validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import registry
from extenddb.engine.streams.registry import Stream


async def require_stream(context: Context, caller: Caller, arn: str) -> Stream:
    """Return the stream of an ARN. Raises ValidationException for what is none, ResourceNotFoundException."""
    table_arn, found, label = arn.partition("/stream/")
    table = parse_table(table_arn)
    if table is None or not found:
        raise validation(f"Invalid StreamArn: {arn}")
    stream = None
    if table.account == caller.account:
        stream = await registry.find(context, registry.key(context.namespace(caller), table.table, label))
    if stream is None:
        raise stream_not_found(arn)
    return stream


def stream_not_found(arn: str) -> ServiceError:
    """Return the error for a stream that is not there."""
    return resource_not_found(f"Requested resource not found: Stream: {arn} not found")
