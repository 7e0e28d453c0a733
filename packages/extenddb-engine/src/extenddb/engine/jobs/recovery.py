"""Care of recovery logs: what is too old goes."""

from __future__ import annotations

from extenddb.engine import codec
from extenddb.engine.backups import recovery
from extenddb.engine.context import Context
from extenddb.storage.model import Document

_PAGE = 200


async def tend_recovery(context: Context) -> None:
    """Trim every log to its window, and remove the logs no table feeds."""
    after = ""
    while True:
        page = await context.backend.documents.list(recovery.KIND, after=after, limit=_PAGE)
        for document in page:
            await _tend(context, document)
        if len(page) < _PAGE:
            return
        after = page[-1].key


async def _tend(context: Context, document: Document) -> None:
    """Trim one log, or remove it when no table feeds it and none is about to."""
    stream, about = document.key, codec.parse(document.body)
    table = await context.tables.load(about["Namespace"], about["Table"])
    window = recovery.of(table) if table is not None else None
    if window is not None and window["Stream"] == stream:
        horizon = context.clock() - int(window["Days"]) * recovery.DAY_MS - recovery.MARGIN_MS
        await context.backend.streams.trim(stream, before=max(0, horizon))
        return
    if about["Created"] + recovery.MARGIN_MS <= context.clock():
        await context.backend.streams.drop(stream)
        await context.backend.documents.delete(recovery.KIND, stream)
