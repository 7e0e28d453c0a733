"""Carrying out one planned write: PutItem, UpdateItem and DeleteItem differ only in their plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extenddb.engine import write_path
from extenddb.engine.context import Caller, Context
from extenddb.engine.requests import require_table
from extenddb.engine.write_path import Plan


async def write_one(context: Context, caller: Caller, request: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Let the store decide one write and return its response. Raises ServiceError."""
    table = await require_table(context, caller, request["TableName"])
    write = plan.bind(table)
    written = write_path.require_written(await context.items.mutate(write.mutation(context.clock())))
    return write_path.answer(request, table, written, plan.attributes(written))
