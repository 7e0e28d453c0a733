"""UpdateKinesisStreamingDestination: change the precision of times sent to a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import kinesis
from extenddb.engine.tables.settings import change_setting, require_named

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateKinesisStreamingDestinationInput


async def update_kinesis_streaming_destination(
    context: Context, caller: Caller, request: UpdateKinesisStreamingDestinationInput
) -> dict[str, Any]:
    """Answer UpdateKinesisStreamingDestination."""
    table = await require_named(context, caller, request["TableName"])
    name, table_id = table.definition.name, table.description["TableId"]
    await change_setting(
        context, table, kinesis.SUBJECT, lambda current: kinesis.updated(current, name, table_id, request)
    )
    return {
        "TableName": name,
        "StreamArn": request["StreamArn"],
        "DestinationStatus": "UPDATING",
        "UpdateKinesisStreamingConfiguration": request.get("UpdateKinesisStreamingConfiguration"),
    }
