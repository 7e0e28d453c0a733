"""Spaces of the engine's own: rows that belong to no user's table but must be written together with them."""

from __future__ import annotations

from extenddb.storage.errors import AlreadyExists
from extenddb.storage.model import Space, TableRecord
from extenddb.storage.spi import Catalog

NAMESPACE = "_system"
"""Namespace of the engine's own tables; no account is named like it."""
TOKENS = Space(id="transactiontokens")
"""Tokens of transactions."""
MARKS = Space(id="streammarks")
"""One row per shard that was closed; writing it marks the place in the stream."""

PROGRESS = Space(id="jobprogress")
"""One row per operation whose progress is written together with its work."""


async def prepare(catalog: Catalog, space: Space) -> None:
    """Create a space of the engine if this store does not have it yet."""
    try:
        await catalog.create(TableRecord(namespace=NAMESPACE, name=space.id, space=space, document=b"{}"))
    except AlreadyExists:
        return
