"""Which streams there are: one document each, which outlives its table until the last record is trimmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from extenddb.core.arn import TableArn
from extenddb.engine import codec
from extenddb.engine.context import Context

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

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return f"{self.table_arn}/stream/{self.label}"

    @property
    def key(self) -> str:
        """Key of the stream's document: ordered by table, then by time."""
        return key(self.namespace, self.table, self.label)


def key(namespace: str, table: str, label: str) -> str:
    """Return the key of a stream's document."""
    return f"{namespace}/{table}/{label}"


def new_stream(
    *, namespace: str, arn: TableArn, view: str, key_schema: list[dict[str, str]], stream_id: str, now_ms: int
) -> Stream:
    """Return a stream that begins now."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return Stream(
        id=stream_id,
        namespace=namespace,
        table=arn.table,
        table_arn=str(arn),
        label=f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}",
        view=view,
        key_schema=key_schema,
        created=now_ms,
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


async def find(context: Context, key: str) -> Stream | None:
    """Return the stream of a document's key."""
    document = await context.backend.documents.get(KIND, key)
    return Stream(**codec.parse(document.body)) if document is not None else None


async def disable(context: Context, key: str) -> None:
    """Note that a stream gets no further records."""
    document = await context.backend.documents.get(KIND, key)
    if document is None:
        return
    body = codec.dump({**codec.parse(document.body), "disabled": context.clock()})
    await context.backend.documents.put(KIND, key, body, expected=document.version)


async def forget(context: Context, key: str) -> None:
    """Remove a stream that no table came to feed."""
    await context.backend.documents.delete(KIND, key)
