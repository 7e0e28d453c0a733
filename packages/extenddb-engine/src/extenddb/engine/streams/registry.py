"""Which streams there are: one document each, with its shards; it outlives its table until its records are trimmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.engine import codec
from extenddb.engine.context import Context
from extenddb.engine.retries import changing
from extenddb.engine.streams import shards
from extenddb.engine.streams.shards import Shard

KIND = "stream"
"""Kind of the documents that hold streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream from the moment it is enabled until its records are gone."""

    id: str
    """Id in the store."""
    namespace: str
    table: str
    table_arn: str
    label: str
    """Time of creation in ISO form, unique for the table."""
    view: str
    """StreamViewType."""
    key_schema: list[dict[str, str]]
    created: int
    """Milliseconds since the epoch."""
    disabled: int | None = None
    """When it was disabled, in milliseconds since the epoch; None while it is enabled."""
    trimmed: int = 0
    """Largest sequence whose record is no longer kept."""
    shards: tuple[Shard, ...]
    """Oldest first."""

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return f"{self.table_arn}/stream/{self.label}"

    @property
    def key(self) -> str:
        """Key of the stream's document: ordered by table, then by time."""
        return key(self.namespace, self.table, self.label)

    def shard(self, shard_id: str) -> Shard | None:
        """Return the shard of that id."""
        return next((shard for shard in self.shards if shard.id == shard_id), None)


def key(namespace: str, table: str, label: str) -> str:
    """Return the key of a stream's document."""
    return f"{namespace}/{table}/{label}"


def new_stream(
    context: Context, *, namespace: str, arn: TableArn, view: str, key_schema: list[dict[str, str]]
) -> Stream:
    """Return a stream that begins now."""
    now_ms = context.clock()
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    stream_id = context.ids().replace("-", "")
    return Stream(
        id=stream_id,
        namespace=namespace,
        table=arn.table,
        table_arn=str(arn),
        label=f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}",
        view=view,
        key_schema=key_schema,
        created=now_ms,
        shards=tuple(shards.first_shards(stream_id, context.settings.stream_lanes, now_ms)),
    )


def described(description: Mapping[str, Any], stream: Stream) -> dict[str, Any]:
    """Return a table's description with a stream that is enabled."""
    return {
        **description,
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": stream.view},
        "LatestStreamLabel": stream.label,
        "LatestStreamArn": stream.arn,
    }


def capturing(settings: Mapping[str, Any], stream: Stream) -> dict[str, Any]:
    """Return a table's settings with a stream that captures its changes."""
    capture = {
        "Stream": stream.id,
        "Old": stream.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"),
        "New": stream.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"),
    }
    return {**settings, "Captures": {**settings.get("Captures", {}), "Stream": capture}}


def without_stream(
    description: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a description and settings whose stream is disabled; the label and ARN of the last one stay."""
    kept = {name: value for name, value in description.items() if name != "StreamSpecification"}
    captures = {name: each for name, each in settings.get("Captures", {}).items() if name != "Stream"}
    return kept, {**settings, "Captures": captures}


async def register(context: Context, stream: Stream) -> None:
    """Write a stream down before a table feeds it."""
    await context.backend.documents.put(KIND, stream.key, codec.dump(asdict(stream)), expected=0)


async def find(context: Context, document_key: str) -> Stream | None:
    """Return the stream of a document's key."""
    document = await context.backend.documents.get(KIND, document_key)
    return from_body(document.body) if document is not None else None


def from_body(body: bytes) -> Stream:
    """Return the stream of a document's body."""
    fields = codec.parse(body)
    fields["shards"] = tuple(Shard(**{**each, "buckets": tuple(each["buckets"])}) for each in fields["shards"])
    return Stream(**fields)


async def change(context: Context, document_key: str, edit: Callable[[Stream], Stream]) -> Stream | None:
    """Replace a stream's document by what `edit` makes of the current one and return that; None for one that is gone.

    `edit` is pure: it may be called again when the document was changed meanwhile.
    """

    async def change_once() -> Stream | None:
        document = await context.backend.documents.get(KIND, document_key)
        if document is None:
            return None
        old = from_body(document.body)
        new = edit(old)
        if new != old:
            body = codec.dump(asdict(new))
            await context.backend.documents.put(KIND, document_key, body, expected=document.version)
        return new

    return await changing(change_once, f"the stream {document_key}")


async def disable(context: Context, document_key: str) -> None:
    """Note that a stream gets no further records; no table feeds it any more."""
    stream = await find(context, document_key)
    if stream is None:
        return
    last = await context.backend.streams.last(stream.id)
    now = context.clock()
    await change(
        context,
        document_key,
        lambda old: replace(old, disabled=now, shards=tuple(shards.closed(old.shards, last, now))),
    )


async def forget(context: Context, document_key: str) -> None:
    """Remove a stream that no table feeds, and all it holds."""
    stream = await find(context, document_key)
    if stream is not None:
        await context.backend.streams.drop(stream.id)
    await context.backend.documents.delete(KIND, document_key)
