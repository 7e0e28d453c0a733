"""The Protocols a storage backend implements.

The engine owns DynamoDB's semantics; a store offers rows, ranges, atomic mutation, and a few small ports beside them.
All methods are coroutines; `sync.adapt` turns a synchronous backend into this shape. Every method may raise
`Unavailable`, and every method that changes something `Ambiguous`; the further errors stand in its docstring.
Cancelling a call releases all locks and connections and either applies the work as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from extenddb.storage.capabilities import Capabilities
from extenddb.storage.model import (
    Decision,
    Document,
    EntriesOf,
    Estimate,
    Hit,
    Mutation,
    NewRow,
    Page,
    PointRead,
    RangeRead,
    Records,
    Row,
    ScanRead,
    Settings,
    Space,
    TableRecord,
    VectorSearch,
)


class Catalog(Protocol):
    """Tables: their records and their physical spaces, always changed together."""

    async def create(self, record: TableRecord, *, loading: bool = False) -> None:
        """Create a table's record and its empty space with all its indexes. Raises AlreadyExists (same namespace and
        name).

        A space created for `loading` is filled by `BulkItems.load` and becomes like any other by `BulkItems.finish`.
        Until then nothing else is asked of it but `estimate` and `drop`. Only with the capability `bulk_load`.
        """

    async def find(self, namespace: str, name: str) -> TableRecord | None:
        """Return the current record of a table."""

    async def names(self, namespace: str, *, after: str = "", limit: int) -> list[str]:
        """Return up to `limit` table names above `after`, in the order of their UTF-8 bytes."""

    async def records(self, *, after: str = "", limit: int) -> list[TableRecord]:
        """Return up to `limit` records of all namespaces whose space id is above `after`, ordered by space id."""

    async def alter(self, record: TableRecord, *, expected: int) -> TableRecord:
        """Replace the record of the space, and create and drop indexes to match `indexes` and `vectors` of its space.

        Returns the record with its new version, and with the next epoch when indexes changed or when the given space
        already has the next epoch: that is how a caller makes every process read the record anew. New indexes are
        empty; those of vectors want `VectorItems.build` once they are filled. After it returned no write under the old
        epoch can commit. Raises NotFound, Conflict (version not `expected`).

        With the capability `renaming` the record may have another namespace and name than before: the table is found
        under these from then on, and the old name is free. Raises AlreadyExists when they are taken.
        """

    async def drop(self, space: Space) -> None:
        """Remove a table's record and all its rows and entries; its streams stay. Raises NotFound."""

    async def estimate(self, space: Space) -> dict[str | None, Estimate]:
        """Return how much the table (under None) and each index hold. Raises SchemaMismatch."""


class Items(Protocol):
    """Rows. Every method raises SchemaMismatch for a space that is not current, and SerializationFailure.

    A row's sort key has at most 1,024 bytes, an index entry's at most 8,198: four values of 1,024 bytes each, of which
    every byte may need two, and what parts them.
    """

    async def get(self, reads: Sequence[PointRead]) -> list[Row | None]:
        """Return the latest committed row of each key, in the order asked; each key on its own."""

    async def snapshot(self, reads: Sequence[PointRead]) -> list[Row | None]:
        """Return the rows of all keys as of one moment. Raises Unsupported without the capability `snapshots`."""

    async def read_range(self, read: RangeRead) -> Page:
        """Return a page of one partition, all rows committed before the call included."""

    async def scan(self, read: ScanRead) -> Page:
        """Return a page over partitions, all rows committed before the call included."""

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        """Apply independent mutations, each atomic, and return the decisions taken, in order.

        For each: read the row under a lock that covers its absence too, call `decide`, apply the outcome with its
        index
        entries and stream records. Mutations of one key apply in the order given, each seeing the one before. The
        batch
        commits as a whole, and only then returns; if an error leaves, nothing of it was applied (Ambiguous: all or
        nothing).
        An exception out of a `decide` leaves unchanged. May raise Ambiguous.
        """

    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        """Apply mutations of distinct keys all or nothing, serializable with every other write.

        Like `mutate`, but if any decision is a Reject nothing is applied, and all decisions are returned. A Keep
        holds its
        row, or its row's absence, until the commit. Raises Unsupported without the capability `transactions`; may
        raise
        Ambiguous.
        """


class VectorItems(Items, Protocol):
    """The items port of a store with the capability `vectors`."""

    async def search(self, search: VectorSearch) -> list[Hit]:
        """Return the rows whose vectors are most similar, best first, equal scores in the order of the rows' keys.

        All rows committed before the call are looked at. The choice may be approximate where more than a thousand
        entries have the labels asked for; scores and their order are always exact, and as many rows are found as
        there are, up to the limit.
        """

    async def build(self, space: Space, index: str, *, alone: bool = False) -> bool:
        """Make searches of an index of vectors fast whose entries came by `load`, or that `alter` made.

        Until then they may look at every entry; what they find is the same. Returns whether it is done: what takes
        long goes on behind an answer of False, beside reads and writes, and is asked for again until it is. May be
        asked for at any time, also when there is nothing to do. `alone` says that nobody else writes the space.
        """


class BulkItems(Items, Protocol):
    """The items port of a store with the capability `bulk_load`."""

    async def load(self, space: Space, rows: Sequence[NewRow]) -> None:
        """Insert rows of different keys with their index entries, all of them or none.

        In a space created for loading, what is loaded later replaces a row of the same key, and its entries; that may
        wait until `finish`. In any other space a key that is there raises Conflict, with nothing applied. Raises
        SchemaMismatch, SerializationFailure; may raise Ambiguous.
        """

    async def finish(self, space: Space, entries: EntriesOf) -> bool:
        """Make a space that was created for loading one like any other.

        `entries` tells what entries an item has, for items whose rows were loaded more than once. Returns whether it
        is done: what takes long goes on behind an answer of False, and is asked for again until it is. May be asked
        for at any time, also of a space that never was for loading. Indexes of vectors want `VectorItems.build` behind
        it.
        """


class Streams(Protocol):
    """Records of committed changes, in commit order per key. Only with the capability `streams`."""

    async def read(
        self,
        stream: str,
        *,
        after: int = 0,
        until: int | None = None,
        buckets: tuple[int, int] = (0, 4096),
        limit: int,
        max_bytes: int,
    ) -> Records:
        """Return up to `limit` records with after < sequence <= until whose bucket is in the half-open range.

        Their bodies have together at most `max_bytes` bytes, but one record is given in any case; what does not fit
        is not fetched. A record that was once passed over never appears later below a sequence already returned.
        """

    async def last(self, stream: str) -> int:
        """Return the largest sequence published so far, 0 if none, every change committed before the call included."""

    async def trim(self, stream: str, *, before: int) -> int:
        """Remove the records created before a time (milliseconds since the epoch), oldest first; return how many."""

    async def drop(self, stream: str) -> None:
        """Remove all records of a stream; one that never was is dropped without complaint."""


class Documents(Protocol):
    """Small versioned documents, found by kind and key."""

    async def get(self, kind: str, key: str) -> Document | None:
        """Return a document."""

    async def put(self, kind: str, key: str, body: bytes, *, expected: int | None = None) -> int:
        """Write a document and return its new version.

        `expected` is the version that must be there now, 0 for none, None for any. Raises Conflict.
        """

    async def delete(self, kind: str, key: str, *, expected: int | None = None) -> None:
        """Remove a document; an absent one is removed without complaint unless a version is expected. Raises
        Conflict."""

    async def list(self, kind: str, *, prefix: str = "", after: str = "", limit: int) -> list[Document]:
        """Return up to `limit` documents whose key starts with `prefix` and is above `after`, ordered by key's UTF-8
        bytes."""


class Leases(Protocol):
    """Rights that one holder has for a time; the store's clock decides. Never the only guard of a write."""

    async def acquire(self, name: str, holder: str, *, seconds: float) -> bool:
        """Take or extend a lease; False when another holder has it."""

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back; without effect if the holder does not have it."""


class Backend(Protocol):
    """An open store."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""

    @property
    def catalog(self) -> Catalog:
        """The catalog port."""

    @property
    def items(self) -> Items:
        """The items port."""

    @property
    def streams(self) -> Streams:
        """The streams port."""

    @property
    def documents(self) -> Documents:
        """The documents port."""

    @property
    def leases(self) -> Leases:
        """The leases port."""

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Finish what runs and release everything; further calls are errors."""


class BackendPlugin(Protocol):
    """What an entry point of the group `extenddb.storage_backends` names."""

    @property
    def name(self) -> str:
        """Name of the entry point."""

    @property
    def spi_version(self) -> str:
        """Version of the contract the backend was written for."""

    @property
    def capabilities(self) -> Capabilities:
        """What stores opened by this plugin can do."""

    def provision(self, settings: Settings) -> AbstractAsyncContextManager[Settings]:
        """Make the store available for as long as the context lasts, and give the settings to open it with.

        Runs once, in the process that supervises the others: it may start a database, create or migrate a schema. A
        store
        that needs nothing gives the settings back. Raises Unavailable with one sentence an operator understands.
        """

    async def open(self, settings: Settings) -> Backend:
        """Open the provisioned store; may be called in several processes. Raises Unavailable with one sentence."""
