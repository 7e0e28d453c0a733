"""Removing transaction tokens that are no longer remembered."""

from __future__ import annotations

from extenddb.engine import codec
from extenddb.engine.context import Context
from extenddb.engine.system import TOKENS
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Decision, Delete, Keep, Mutation, Position, Row, ScanRead

_ROWS = 1000
_BYTES = 1024 * 1024


async def purge_tokens(context: Context) -> None:
    """Remove every expired token."""
    now = context.clock()

    def decide(row: Row | None) -> Decision:
        return Delete() if row is not None and codec.parse(row.item)["Expires"] <= now else Keep()

    after: Position | None = None
    while True:
        try:
            page = await context.backend.items.scan(ScanRead(space=TOKENS, after=after, limit=_ROWS, max_bytes=_BYTES))
        except SchemaMismatch:
            return  # no transaction had a token yet
        expired = [row.key for row in page.rows if codec.parse(row.item)["Expires"] <= now]
        if expired:
            await context.items.mutate_many([Mutation(TOKENS, key, decide) for key in expired])
        if not page.stopped:
            return
        after = Position(page.rows[-1].key)
