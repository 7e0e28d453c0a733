"""Time to live: when an item expires, and the hidden index in which expiring items are found. Pure.

The entry's sort key is the expiry time in seconds; its partition one of a few, chosen by that time, so that many
writers do not meet on one page of the index.
"""

from __future__ import annotations

from decimal import Decimal

from extenddb.core.types.attribute import Item
from extenddb.core.types.keys import DIGEST_SIZE, Key
from extenddb.storage.model import Entry

INDEX = "ttl"
"""Id of the hidden index."""
FILLING = "Filling"
"""Member of a table's setting TimeToLive as long as the index lacks items that were there before it."""
PARTITIONS = 16
"""How many partitions the entries are spread over."""
_FIVE_YEARS = 5 * 365 * 24 * 60 * 60  # items expired longer ago are left alone (developer guide, Time to Live)
_LATEST = 1 << 62


def partition(number: int) -> bytes:
    """Return the digest of one of the index's partitions."""
    return bytes((number * 256 // PARTITIONS,)) + bytes(DIGEST_SIZE - 1)


def expiry(item: Item, attribute: str) -> int | None:
    """Return the second at which an item expires; None if the attribute does not say so."""
    text = item.get(attribute, {}).get("N")
    if text is None:
        return None
    seconds = int(Decimal(text))
    return seconds if 0 < seconds < _LATEST else None


def entry(item: Item | None, attribute: str) -> Entry | None:
    """Return where an item stands in the hidden index."""
    seconds = expiry(item, attribute) if item is not None else None
    if seconds is None:
        return None
    return Entry(Key(partition(seconds % PARTITIONS), sort(seconds)), 0)


def sort(seconds: int) -> bytes:
    """Return the sort key of a time."""
    return seconds.to_bytes(8, "big")


def expired(item: Item, attribute: str, now: int) -> bool:
    """Tell whether an item is to be removed at a time in seconds."""
    seconds = expiry(item, attribute)
    return seconds is not None and now - _FIVE_YEARS < seconds <= now


def bounds(now: int) -> tuple[bytes, bytes]:
    """Return the half-open range of sort keys that have expired but not too long ago."""
    return sort(max(0, now - _FIVE_YEARS + 1)), sort(now + 1)
