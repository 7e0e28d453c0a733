"""Care of streams: closing old shards, trimming old records, forgetting streams that are empty for good."""

from __future__ import annotations

from dataclasses import replace

from extenddb.engine import system
from extenddb.engine.context import Context
from extenddb.engine.streams import marks, registry, shards
from extenddb.engine.streams.registry import Stream
from extenddb.engine.streams.shards import Shard
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Change, Decision, Mutation, Put, Row

_PAGE = 200
_GRACE_MS = 60_000  # between registering a stream and the change of its table


async def tend_streams(context: Context) -> None:
    """Rotate and trim every stream."""
    after = ""
    while True:
        documents = await context.backend.documents.list(registry.KIND, after=after, limit=_PAGE)
        for document in documents:
            await _tend(context, registry.from_body(document.body))
        if len(documents) < _PAGE:
            return
        after = documents[-1].key


async def _tend(context: Context, stream: Stream) -> None:
    now = context.clock()
    horizon = now - int(context.settings.retention_seconds * 1000)
    if stream.disabled is not None and stream.disabled <= horizon:
        await registry.forget(context, stream.key)
        return
    if stream.disabled is None and not await _fed(context, stream, now):
        await registry.disable(context, stream.key)
        return
    trimmed = await _trim(context, stream, horizon)
    if stream.disabled is None:
        born_before = now - int(context.settings.shard_seconds * 1000)
        for shard in stream.shards:
            if shard.end is None and shard.created <= born_before:
                await close_shard(context, stream, shard.id)
    await registry.change(
        context,
        stream.key,
        lambda old: replace(
            old,
            trimmed=max(old.trimmed, trimmed),
            shards=tuple(shards.retained(old.shards, closed_after_ms=horizon)),
        ),
    )


async def _fed(context: Context, stream: Stream, now: int) -> bool:
    """Tell whether a table feeds a stream, or soon will; else a process died between the table and the stream."""
    if now - stream.created < _GRACE_MS:
        return True
    table = await context.tables.load(stream.namespace, stream.table)
    return table is not None and any(each.stream == stream.id for each in table.captures)


async def _trim(context: Context, stream: Stream, horizon: int) -> int:
    """Remove what is too old; returns the largest sequence removed so far."""
    last = await context.backend.streams.last(stream.id)  # numbers all: who missed a record must be told so
    await context.backend.streams.trim(stream.id, before=horizon)
    first = (await context.backend.streams.read(stream.id, limit=1, max_bytes=1)).records
    return first[0].sequence - 1 if first else last


async def close_shard(context: Context, stream: Stream, shard_id: str) -> None:
    """End a shard at a mark and begin its child there.

    Repeated after a crash, or done by two processes at once, the first mark behind the noted place counts.
    """
    last = await context.backend.streams.last(stream.id)
    changed = await registry.change(
        context, stream.key, lambda old: replace(old, shards=tuple(shards.closing(old.shards, shard_id, last)))
    )
    shard = changed.shard(shard_id) if changed is not None else None
    if shard is None or shard.closing is None:
        return
    end = await marks.find(context, stream, shard)
    if end is None:
        await write_mark(context, stream, shard)
        end = await marks.find(context, stream, shard)
    if end is None:
        return  # a mark is only seen once it is published: the next round finds it
    at, now = end, context.clock()
    await registry.change(
        context,
        stream.key,
        lambda old: (
            replace(old, shards=tuple(shards.followed(old.id, old.shards, shard_id, at, now)))
            if old.disabled is None
            else old
        ),
    )


async def write_mark(context: Context, stream: Stream, shard: Shard) -> None:
    """Write the record that ends a shard."""
    now = context.clock()

    def decide(_row: Row | None) -> Decision:
        return Put(b"{}", 2, changes=(Change(stream.id, now, shards.mark(shard)),))

    mutation = Mutation(system.MARKS, shards.mark_key(stream.id, shard), decide)
    try:
        await context.backend.items.mutate([mutation])
    except SchemaMismatch:  # the first mark ever
        await system.prepare(context.backend.catalog, system.MARKS)
        await context.backend.items.mutate([mutation])
