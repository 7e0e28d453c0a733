"""Forgetting what is no longer told or needed: descriptions and tokens beyond their time, backups, rows of marks.

Every kind of document is walked in the order of its keys, a page at a time. What is removed may be removed twice, and
what belongs to a document goes before it, so that a process may die in between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from extenddb.engine import codec
from extenddb.engine.backups import backup, records
from extenddb.engine.backups.records import BACKUPS, BULK, EXPORTS, IMPORTS, Body
from extenddb.engine.context import Context
from extenddb.engine.jobs import progress
from extenddb.engine.jobs.restore import is_restored_from
from extenddb.engine.system import MARKS
from extenddb.storage.errors import Conflict, SchemaMismatch
from extenddb.storage.model import Decision, Delete, Document, Keep, Mutation, Row, ScanRead

KEPT_DAYS = 90
"""How long exports, imports and bulk operations are told of (ListExports, ListImports, ListBulkOperations)."""
_DAY_SECONDS = 24 * 60 * 60
_PAGE = 200
_BYTES = 1024 * 1024
_RUNNING = ("IN_PROGRESS", "CANCELLING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which documents of a kind are of no use any more, and what goes with them."""

    kind: str
    is_over: Callable[[Body, float], bool]
    """Tell it from a document's body and the time, in seconds since the epoch."""
    remove: Callable[[Context, Document, Body], Awaitable[None]]


async def purge(context: Context) -> None:
    """Remove everything that is of no use any more."""
    for rule in RULES:
        async for document in _documents(context, rule.kind):
            body = codec.parse(document.body)
            if rule.is_over(body, context.clock() / 1000):
                await rule.remove(context, document, body)
    await _purge_marks(context)


async def _documents(context: Context, kind: str) -> AsyncIterator[Document]:
    after = ""
    while True:
        page = await context.backend.documents.list(kind, after=after, limit=_PAGE)
        for document in page:
            yield document
        if len(page) < _PAGE:
            return
        after = page[-1].key


def _ended(status: str, since: str) -> Callable[[Body, float], bool]:
    """Return what tells that an operation that has ended, by its `status`, did so or began long ago, by `since`."""

    def is_over(body: Body, now: float) -> bool:
        moment = body.get(since) or body["StartTime"]
        return body[status] not in _RUNNING and bool(moment + KEPT_DAYS * _DAY_SECONDS <= now)

    return is_over


async def _remove(context: Context, document: Document, kind: str) -> None:
    try:
        await context.backend.documents.delete(kind, document.key, expected=document.version)
    except Conflict:
        return  # it changed meanwhile, or another process was first


async def _remove_export(context: Context, document: Document, _body: Body) -> None:
    await _remove(context, document, EXPORTS.kind)


async def _remove_import(context: Context, document: Document, _body: Body) -> None:
    await _remove(context, document, IMPORTS.kind)


async def _remove_bulk(context: Context, document: Document, _body: Body) -> None:
    await progress.forget(context, document.key)
    await _remove(context, document, BULK.kind)


async def _remove_token(context: Context, document: Document, _body: Body) -> None:
    await _remove(context, document, records.TOKENS)


async def _remove_backup(context: Context, document: Document, body: Body) -> None:
    if not await is_restored_from(context, document.key):
        await backup.remove(context, document.key, body)


RULES: tuple[Rule, ...] = (
    Rule(kind=BACKUPS.kind, is_over=lambda body, now: not backup.is_there(body, now), remove=_remove_backup),
    Rule(kind=BULK.kind, is_over=_ended("BulkOperationStatus", "StartTime"), remove=_remove_bulk),
    Rule(kind=EXPORTS.kind, is_over=_ended("ExportStatus", "EndTime"), remove=_remove_export),
    Rule(kind=IMPORTS.kind, is_over=_ended("ImportStatus", "EndTime"), remove=_remove_import),
    Rule(kind=records.TOKENS, is_over=lambda body, now: bool(body["Expires"] <= now * 1000), remove=_remove_token),
)
"""What is forgotten, by kind of document."""


async def _purge_marks(context: Context) -> None:
    """Remove the rows that were written with the marks of shards: marks are in the streams, nobody reads the rows."""
    while True:
        try:
            page = await context.backend.items.scan(ScanRead(space=MARKS, limit=_PAGE, max_bytes=_BYTES))
        except SchemaMismatch:
            return  # no shard was closed yet
        for outcome in await context.items.mutate_many([Mutation(MARKS, row.key, _gone) for row in page.rows]):
            if isinstance(outcome, Exception):
                raise outcome
        if not page.stopped:
            return


def _gone(row: Row | None) -> Decision:
    return Keep() if row is None else Delete()
