"""Carrying out one planned write: PutItem, UpdateItem and DeleteItem differ only in their plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.engine import write_path
from extenddb.engine.context import Caller, Context
from extenddb.engine.requests import require_table
from extenddb.engine.write_path import Plan, Write, Written


async def write_one(context: Context, caller: Caller, request: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Let the store decide one write and return its response. Raises ServiceError."""
    table = await require_table(context, caller, request["TableName"])
    written = await apply(context, plan.bind(table))
    return write_path.answer(request, table, written, plan.attributes(written))


async def apply(context: Context, write: Write) -> Written:
    """Carry out one write by itself. Raises ServiceError, also when a transaction holds the item."""
    context.ongoing.require_free(write.table.space, write.key)
    return write_path.require_written(await context.items.mutate(write.mutation(context.clock())))
