"""UpdateTable: billing, throughput, indexes, stream and settings of a table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import parse_table
from extenddb.core.errors import resource_not_found
from extenddb.engine.context import Caller, Context
from extenddb.engine.jobs.backfill import backfill_state
from extenddb.engine.jobs.runner import start_job
from extenddb.engine.streams import registry
from extenddb.engine.streams.registry import Stream
from extenddb.engine.tables import describe, replicas, update_answer, update_rules, vectors, waits
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.filling import require_filled
from extenddb.engine.tables.settings import require_any
from extenddb.engine.tables.table import Table
from extenddb.engine.tables.update import updated

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateTableInput

_POLL = 0.01


async def update_table(context: Context, caller: Caller, request: UpdateTableInput) -> dict[str, Any]:
    """Answer UpdateTable. The answer shows the table as the service's does while the change is under way."""
    wanted = update_rules.cleaned(request)
    update_rules.check(wanted)
    before = await require_any(context, caller, request["TableName"])
    require_filled(before)
    stream = await _new_stream(context, before, wanted)
    namespace, name = before.record.namespace, before.definition.name

    def edited(table: Table) -> Table:
        nonlocal before  # rivals may have changed the table, or made it anew
        before = table
        return _suited(context, table, wanted, stream)

    try:
        after = await change_table(context, namespace, name, edited)
    except BaseException:
        if stream is not None:
            await registry.forget(context, stream.key)
        raise
    if after is None:
        raise resource_not_found(f"Requested resource not found: Table: {name} not found")
    await _disable_stream(context, before, after)
    if stream is not None and after.description.get("LatestStreamLabel") != stream.label:
        await registry.forget(context, stream.key)
    estimates = await context.backend.catalog.estimate(after.space)
    old, new = (describe.described(table, estimates) for table in (before, after))
    await _fill(context, before, after)
    return {"TableDescription": update_answer.answer(old, new, wanted, context.clock())}


def _suited(context: Context, table: Table, request: Mapping[str, Any], stream: Stream | None) -> Table:
    return vectors.suited(_updated(context, table, request, stream), stored=context.backend.capabilities.vectors)


def _updated(context: Context, table: Table, request: Mapping[str, Any], stream: Stream | None) -> Table:
    settings, now = context.settings, context.clock()
    if not settings.strict_waits:
        return updated(table, request, now, stream)
    waits.check_idle(table, now)
    after = updated(table, request, now, stream, strict=True)
    return after.edited(settings=waits.transition(after.settings, "UPDATING", now, settings.delay_seconds))


def _view_of_new_stream(table: Table, request: Mapping[str, Any]) -> str | None:
    """Return the view type of the stream a request enables: itself, or because a replica cannot be without one."""
    if table.description.get("StreamSpecification", {}).get("StreamEnabled"):
        return None
    specification = request.get("StreamSpecification") or {}
    if specification.get("StreamEnabled"):
        view: str | None = specification.get("StreamViewType")
        return view
    return "NEW_AND_OLD_IMAGES" if replicas.creates(request) else None


async def _new_stream(context: Context, table: Table, request: Mapping[str, Any]) -> Stream | None:
    view = _view_of_new_stream(table, request)
    arn = parse_table(table.description["TableArn"])
    if view is None or arn is None:
        return None
    stream = registry.new_stream(
        context,
        namespace=table.record.namespace,
        arn=arn,
        view=view,
        key_schema=table.description["KeySchema"],
    )
    await registry.register(context, stream)
    return stream


async def _disable_stream(context: Context, before: Table, after: Table) -> None:
    had = before.description.get("StreamSpecification", {}).get("StreamEnabled")
    if had and "StreamSpecification" not in after.description:
        label = before.description["LatestStreamLabel"]
        await registry.disable(context, registry.key(before.record.namespace, before.definition.name, label))


async def _fill(context: Context, before: Table, after: Table) -> None:
    """Have new indexes filled, and wait a moment for it."""
    new = sorted(set(after.space.indexes) - set(before.space.indexes))
    new += sorted(each.id for each in set(after.space.vectors) - set(before.space.vectors))
    if not new:
        return
    key = await start_job(context, "backfill", backfill_state(after, new))
    deadline = asyncio.get_running_loop().time() + context.settings.settle_seconds
    while asyncio.get_running_loop().time() < deadline:
        if await context.backend.documents.get("job", key) is None:
            return
        await asyncio.sleep(_POLL)
