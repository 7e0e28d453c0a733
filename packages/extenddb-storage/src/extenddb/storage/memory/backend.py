"""The memory store as a whole, and its plugin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from extenddb.storage import SPI_VERSION
from extenddb.storage.capabilities import Capabilities
from extenddb.storage.errors import Unavailable
from extenddb.storage.memory.catalog import MemoryCatalog
from extenddb.storage.memory.documents import MemoryDocuments, MemoryLeases
from extenddb.storage.memory.items import MemoryItems
from extenddb.storage.memory.state import State
from extenddb.storage.memory.streams import MemoryStreams
from extenddb.storage.model import Settings

CAPABILITIES = Capabilities(
    transactions=True, snapshots=True, streams=True, vectors=True, bulk_load=True, renaming=True
)
"""Everything but `durable` and `shared`."""


class MemoryBackend:
    """`spi.Backend` in the memory of one event loop: the reference for every other backend."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, state: State | None = None) -> None:
        """Open a store; `clock` gives seconds for leases, and a given `state` makes this a further handle of it."""
        self.state = State() if state is None else state
        self._closed = False
        self.capabilities = CAPABILITIES
        self.catalog = MemoryCatalog(self.state, self._enter)
        self.items = MemoryItems(self.state, self._enter)
        self.streams = MemoryStreams(self.state, self._enter)
        self.documents = MemoryDocuments(self.state, self._enter)
        self.leases = MemoryLeases(self.state, self._enter, clock)

    async def ping(self) -> None:
        """See `spi.Backend.ping`."""
        await self._enter()

    async def close(self) -> None:
        """See `spi.Backend.close`."""
        self._closed = True

    async def _enter(self) -> None:
        """Let others run first, as a real store does; from here on a method runs without interruption."""
        await asyncio.sleep(0)
        if self._closed:
            raise Unavailable("the memory store is closed")


class MemoryPlugin:
    """`spi.BackendPlugin`: every `open` gives a new, empty store."""

    name = "memory"
    spi_version = SPI_VERSION
    capabilities = CAPABILITIES

    @asynccontextmanager
    async def provision(self, settings: Settings) -> AsyncIterator[Settings]:
        """See `spi.BackendPlugin.provision`; there is nothing to make available."""
        yield settings

    async def open(self, settings: Settings) -> MemoryBackend:
        """See `spi.BackendPlugin.open`; there are no settings."""
        return MemoryBackend()
