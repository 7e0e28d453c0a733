"""The values that cross the border between the engine and a store.

All are immutable. A store never looks into item bodies, documents or change bodies: they are bytes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from extenddb.core.types.keys import Key
from extenddb.core.types.vector import Distance

__all__ = [
    "Change",
    "Decide",
    "Decision",
    "Delete",
    "Document",
    "Entry",
    "Estimate",
    "Hit",
    "IndexChange",
    "Keep",
    "Key",
    "Mutation",
    "NewRow",
    "Page",
    "PointRead",
    "Position",
    "Published",
    "Put",
    "RangeRead",
    "Records",
    "Reject",
    "Row",
    "ScanRead",
    "Space",
    "TableRecord",
    "VectorEntry",
    "VectorSearch",
    "VectorSpace",
]


class VectorSpace(NamedTuple):
    """An index of vectors of one length, compared in one way. Only with the capability `vectors`."""

    id: str
    """Made like the ids of other indexes and distinct from them."""
    dimensions: int
    """Components of every vector in it, 1 to 4096."""
    distance: Distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The rows of one table and of its indexes, in one version of their physical shape.

    Every data call names the space it believes in. A store that meets a space whose epoch is not the current one
    raises
    `SchemaMismatch` and applies nothing: this is what makes cached metadata safe.
    """

    id: str
    """Unique for ever, never reused: 1 to 32 characters of a-z and 0-9."""
    epoch: int = 1
    """Counts the changes of the physical shape, from 1."""
    indexes: tuple[str, ...] = ()
    """Ids of the index spaces, each 1 to 16 characters of a-z and 0-9, unique within the space."""
    vectors: tuple[VectorSpace, ...] = ()
    """The indexes of vectors."""


class Row(NamedTuple):
    """One stored item."""

    key: Key
    """The key of the table's row, in a page of an index too."""
    item: bytes
    """The item as the engine gave it."""
    size: int
    """The item's size by DynamoDB's rule; in an index page the entry's own size where it has one."""
    version: int
    """The store's clock for this row: a later write of the same key has a larger version, also after a delete."""


class PointRead(NamedTuple):
    """One key to read."""

    space: Space
    key: Key


class Position(NamedTuple):
    """A place in an order: after this row the next page begins. The row need not exist (any more)."""

    key: Key
    """The row's key, or in an index its index key."""
    base: Key | None = None
    """In an index the key of the table's row, which orders entries of equal index keys; None otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRead:
    """Rows of one partition between two sort keys, in order."""

    space: Space
    partition: bytes
    """Partition digest: of the table's key, or of the index key when `index` is given."""
    index: str | None = None
    """Id of the index to read; None reads the table."""
    lower: bytes | None = None
    """Smallest sort key, included; None is unbounded."""
    upper: bytes | None = None
    """First sort key that is too large, excluded; None is unbounded."""
    reverse: bool = False
    """Largest first. The exact mirror of forward order, entries of equal index keys included."""
    after: Position | None = None
    """Begin behind this position (before it, when reverse)."""
    limit: int | None = None
    """Stop after so many rows."""
    max_bytes: int
    """Stop after the row with which the sizes read reach this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRead:
    """Rows of all partitions of a digest range, ordered by (partition, sort), and by base key within an index."""

    space: Space
    index: str | None = None
    """Id of the index to read; None reads the table."""
    lower: bytes = b""
    """Smallest partition digest, or a prefix of it, included."""
    upper: bytes | None = None
    """First partition digest that is too large, or a prefix of it, excluded; None is unbounded."""
    after: Position | None = None
    """Begin behind this position."""
    limit: int | None = None
    """Stop after so many rows."""
    max_bytes: int
    """Stop after the row with which the sizes read reach this."""


class Page(NamedTuple):
    """The answer to a range read or scan."""

    rows: list[Row]
    stopped: bool
    """True exactly if `limit` or `max_bytes` ended the page, whether or not rows follow."""


class Entry(NamedTuple):
    """Where a row stands in an index."""

    key: Key
    """Partition digest and sort key of the index key."""
    size: int | None = None
    """Size of the projected item; None when it is the row's own size."""


class VectorEntry(NamedTuple):
    """What an index of vectors holds of a row: at most one entry, found by the row's own key."""

    vector: bytes
    """The stored form of `extenddb.core.types.vector`."""
    labels: tuple[bytes, ...] = ()
    """What a search can ask for, each 1 to 64 bytes, in no order, none twice."""
    size: int | None = None
    """Size of the projected item; None when it is the row's own size."""


class NewRow(NamedTuple):
    """A row to be loaded."""

    key: Key
    item: bytes
    size: int
    entries: tuple[tuple[str, Entry | VectorEntry], ...] = ()
    """Its entries by the ids of their indexes, none twice."""


EntriesOf: TypeAlias = Callable[[bytes], tuple[tuple[str, Entry | VectorEntry], ...]]
"""Tells what entries an item has. Pure; may be called often, and in no order."""


class IndexChange(NamedTuple):
    """A changed entry of one index; an entry that stays the same is not mentioned."""

    id: str
    """Id of the index."""
    old: Entry | VectorEntry | None
    """The entry to remove; None when the row had none."""
    new: Entry | VectorEntry | None
    """The entry to add; None when the row has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSearch:
    """The entries of an index of vectors that are most similar to a given vector."""

    space: Space
    index: str
    """Id of the index."""
    vector: bytes
    """As long as the index's vectors."""
    labels: tuple[bytes, ...] = ()
    """Only entries that have all of these."""
    limit: int
    """Most entries to find, 1 to 100."""


class Hit(NamedTuple):
    """A row found by similarity."""

    row: Row
    """Its size is the entry's own where it has one."""
    score: float
    """As `extenddb.core.types.vector.score` gives it."""


class Change(NamedTuple):
    """A record for a stream, written exactly if the mutation commits."""

    stream: str
    """Id of the stream, made like a space's id."""
    created: int
    """When, in milliseconds since the epoch, by the engine's clock."""
    body: bytes


class Published(NamedTuple):
    """A record as a stream's reader sees it."""

    sequence: int
    """Positive; grows in an order in which every key's records stand in commit order."""
    bucket: int
    """Bucket of the key the record is about."""
    created: int
    body: bytes


class Records(NamedTuple):
    """The answer to a read of a stream."""

    records: list[Published]
    stopped: bool
    """True exactly if there are `limit` of them, or if another would have been too much for `max_bytes`."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write the item."""

    item: bytes
    size: int
    indexes: tuple[IndexChange, ...] = ()
    changes: tuple[Change, ...] = ()
    answer: object = None
    """Whatever the engine wants back with the decision; opaque to the store."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row; decided only for a row that exists, except by a blind mutation."""

    indexes: tuple[IndexChange, ...] = ()
    changes: tuple[Change, ...] = ()
    answer: object = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the row as it is, present or absent; index entries of a present row may still change (backfill)."""

    indexes: tuple[IndexChange, ...] = ()
    answer: object = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Leave the row as it is because the request fails; in `transact` nothing at all is applied."""

    answer: object = None


Decision: TypeAlias = Put | Delete | Keep | Reject
"""What shall become of one row."""

Decide: TypeAlias = Callable[[Row | None], Decision]
"""Pure and quick: the current row or None to a decision. May be called several times; the last call counts."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One key and what decides about it."""

    space: Space
    key: Key
    decide: Decide
    blind: bool = False
    """`decide` ignores its argument and returns a Put or Delete without index changes or stream records: the store
    may
    call it with None and write without reading. A blind Delete of an absent row does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRecord:
    """A table as the catalog keeps it."""

    namespace: str
    """Where the name is unique: an account, or an account and region."""
    name: str
    space: Space
    version: int = 1
    """Counts the changes of the record, from 1."""
    document: bytes
    """The table's description, written and read by the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How much a table or index holds: recent, not exact, and cheap to ask for."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A small versioned document: settings, identities, jobs, stream shards."""

    key: str
    body: bytes
    version: int
    """1 when created, one more with each change."""


Settings: TypeAlias = Mapping[str, str]
"""A backend's settings as text, opaque to everyone else; keys named like passwords and URLs are hidden when shown."""
