"""DescribeKinesisStreamingDestination: the destinations of a table's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import kinesis
from extenddb.engine.tables.settings import require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import DescribeKinesisStreamingDestinationInput


async def describe_kinesis_streaming_destination(
    context: Context, caller: Caller, request: DescribeKinesisStreamingDestinationInput
) -> dict[str, Any]:
    """Answer DescribeKinesisStreamingDestination."""
    table = await require_named(context, caller, request["TableName"])
    return {
        "TableName": table.definition.name,
        "KinesisDataStreamDestinations": kinesis.described(table.settings.get(kinesis.SUBJECT)),
    }
