"""DisableKinesisStreamingDestination: give up a destination of a table's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import kinesis
from extenddb.engine.tables.settings import change_setting, require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import KinesisStreamingDestinationInput


async def disable_kinesis_streaming_destination(
    context: Context, caller: Caller, request: KinesisStreamingDestinationInput
) -> dict[str, Any]:
    """Answer DisableKinesisStreamingDestination."""
    table = await require_named(context, caller, request["TableName"])
    await change_setting(context, table, kinesis.SUBJECT, lambda current: kinesis.disabled(current, request))
    return kinesis.answered(table.definition.name, request, "DISABLING")
