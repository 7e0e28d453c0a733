"""Care of recovery logs and of remembered client tokens: what is too old goes."""

from __future__ import annotations

from extenddb.engine import codec
from extenddb.engine.backups import records, recovery
from extenddb.engine.context import Context
from extenddb.storage.errors import Conflict
from extenddb.storage.model import Document

_PAGE = 200


async def tend_recovery(context: Context) -> None:
    """Trim every log to its window, remove the logs no table feeds, and forget old client tokens."""
    for document in await _all(context, recovery.KIND):
        await _tend(context, document)
    for document in await _all(context, records.TOKENS):
        if codec.parse(document.body)["Expires"] <= context.clock():
            try:
                await context.backend.documents.delete(records.TOKENS, document.key, expected=document.version)
            except Conflict:
                continue  # claimed anew


async def _all(context: Context, kind: str) -> list[Document]:
    found: list[Document] = []
    while True:
        after = found[-1].key if found else ""
        page = await context.backend.documents.list(kind, after=after, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return found


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
