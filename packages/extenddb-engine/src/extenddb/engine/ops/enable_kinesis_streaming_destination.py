"""EnableKinesisStreamingDestination: name a Kinesis stream as the destination of a table's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import kinesis
from extenddb.engine.tables.settings import change_setting, require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import KinesisStreamingDestinationInput


async def enable_kinesis_streaming_destination(
    context: Context, caller: Caller, request: KinesisStreamingDestinationInput
) -> dict[str, Any]:
    """Answer EnableKinesisStreamingDestination."""
    table = await require_named(context, caller, request["TableName"])
    home = table.arn
    await change_setting(context, table, kinesis.SUBJECT, lambda current: kinesis.enabled(current, request, home))
    return kinesis.answered(table.definition.name, request, "ENABLING")
