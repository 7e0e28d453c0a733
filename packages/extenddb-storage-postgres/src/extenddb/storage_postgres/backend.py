"""The open store: the ports over one pool."""

from __future__ import annotations

from collections.abc import Sequence

from extenddb.storage.capabilities import Capabilities
from extenddb.storage.model import (
    Decision,
    EntriesOf,
    Hit,
    Mutation,
    NewRow,
    Page,
    PointRead,
    RangeRead,
    Row,
    ScanRead,
    Space,
    VectorSearch,
)
from extenddb.storage_postgres import loading, reads, writes
from extenddb.storage_postgres.catalog import PostgresCatalog
from extenddb.storage_postgres.config import Config
from extenddb.storage_postgres.documents import PostgresDocuments
from extenddb.storage_postgres.finishing import Finishing
from extenddb.storage_postgres.graphs import GraphBuilds
from extenddb.storage_postgres.leases import PostgresLeases
from extenddb.storage_postgres.pool import Pool
from extenddb.storage_postgres.streams import PostgresStreams
from extenddb.storage_postgres.vectors import VectorSearches, space_of
from extenddb.storage_postgres.wire import Statement

CAPABILITIES = Capabilities(
    transactions=True,
    snapshots=True,
    streams=True,
    vectors=True,
    bulk_load=True,
    renaming=True,
    durable=True,
    shared=True,
)

_PING = Statement("SELECT 1")


class PostgresItems:
    """`spi.Items` over PostgreSQL."""

    def __init__(self, pool: Pool, graphs: GraphBuilds, finishing: Finishing) -> None:
        self._pool = pool
        self._graphs = graphs
        self._finishing = finishing
        self._searches = VectorSearches(pool, graphs)

    async def get(self, reads_: Sequence[PointRead]) -> list[Row | None]:
        """See `spi.Items.get`."""
        return await reads.get(self._pool, reads_)

    async def snapshot(self, reads_: Sequence[PointRead]) -> list[Row | None]:
        """See `spi.Items.snapshot`."""
        return await reads.snapshot(self._pool, reads_)

    async def read_range(self, read: RangeRead) -> Page:
        """See `spi.Items.read_range`."""
        return await reads.read_range(self._pool, read)

    async def scan(self, read: ScanRead) -> Page:
        """See `spi.Items.scan`."""
        return await reads.scan(self._pool, read)

    async def search(self, search: VectorSearch) -> list[Hit]:
        """See `spi.VectorItems.search`."""
        return await self._searches.search(search)

    async def build(self, space: Space, index: str, *, alone: bool = False) -> bool:
        """See `spi.VectorItems.build`."""
        return await self._graphs.build(space, space_of(space, index), alone=alone)

    async def mutate(self, mutations: Sequence[Mutation]) -> list[Decision]:
        """See `spi.Items.mutate`."""
        return await writes.mutate(self._pool, mutations)

    async def load(self, space: Space, rows: Sequence[NewRow]) -> None:
        """See `spi.BulkItems.load`."""
        await loading.load(self._pool, space, rows)

    async def finish(self, space: Space, entries: EntriesOf) -> bool:
        """See `spi.BulkItems.finish`."""
        return await self._finishing.finish(space, entries)

    async def transact(self, mutations: Sequence[Mutation]) -> list[Decision]:
        """See `spi.Items.transact`."""
        return await writes.transact(self._pool, mutations)


class PostgresBackend:
    """`spi.Backend` over PostgreSQL."""

    def __init__(self, config: Config) -> None:
        """Connect lazily to the server of `config.url`."""
        self.pool = Pool(config)
        self.capabilities = CAPABILITIES
        self.catalog = PostgresCatalog(self.pool)
        self._graphs = GraphBuilds(self.pool, config)
        self._finishing = Finishing(self.pool, config)
        self.items = PostgresItems(self.pool, self._graphs, self._finishing)
        self.streams = PostgresStreams(self.pool)
        self.documents = PostgresDocuments(self.pool)
        self.leases = PostgresLeases(self.pool)

    async def ping(self) -> None:
        """See `spi.Backend.ping`."""
        await self.pool.run(lambda session: session.read([_PING()]))

    async def close(self) -> None:
        """See `spi.Backend.close`."""
        await self._finishing.close()
        await self._graphs.close()
        await self.pool.close()
