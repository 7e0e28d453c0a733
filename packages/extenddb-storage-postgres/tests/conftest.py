"""PostgreSQL servers for the tests: the wheel's and Debian's, each a throwaway cluster on a private socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest

from extenddb.storage.capabilities import Capabilities
from extenddb.storage.spi import Backend
from extenddb.storage_postgres import plugin
from extenddb.storage_postgres.backend import PostgresBackend
from extenddb.storage_postgres.embedded import EmbeddedServer, find_binaries

DEBIAN = Path("/usr/lib/postgresql/15/bin")
PATIENCE = 60.0

T = TypeVar("T")


class Server:
    """A running server with a loop of its own, so that its watcher runs beside the tests' loops."""

    def __init__(self, directory: Path, binaries: Path, *, durable: bool = False) -> None:
        self.embedded = EmbeddedServer(directory, binaries, durable=durable)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return self.embedded.url

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def __enter__(self) -> Server:
        self._thread.start()
        self.call(self.embedded.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self.embedded.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class PostgresHarness:
    """Stores that are schemas of one server."""

    capabilities: Capabilities = plugin.capabilities

    def __init__(self, url: str) -> None:
        self.url = url
        self._settings: dict[int, dict[str, str]] = {}

    async def create(self, **extra: str) -> PostgresBackend:
        settings = {"url": self.url, "schema": f"t{uuid4().hex}", **extra}
        async with plugin.provision(settings) as given:
            return await self._open(dict(given))

    async def reopen(self, backend: Backend) -> PostgresBackend:
        await backend.close()
        return await self.another(backend)

    async def another(self, backend: Backend) -> PostgresBackend:
        return await self._open(self._settings[id(backend)])

    async def destroy(self, backend: Backend) -> None:
        schema = self._settings[id(backend)]["schema"]
        await backend.close()
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())

    async def _open(self, settings: dict[str, str]) -> PostgresBackend:
        backend = await plugin.open(settings)
        self._settings[id(backend)] = settings
        return backend


@contextmanager
def served(directory: Path, binaries: Path, *, durable: bool = False) -> Iterator[Server]:
    with Server(directory, binaries, durable=durable) as server:
        yield server


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same with Debian's PostgreSQL, the oldest version at hand."""
    if not DEBIAN.is_dir():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with served(tmp_path_factory.mktemp("cluster") / "postgres", DEBIAN) as running:
        yield running


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server that forgets everything, for tests that need no second version."""
    with served(tmp_path_factory.mktemp("cluster") / "postgres", find_binaries()) as running:
        yield running


@pytest.fixture(scope="session")
def harness(embedded: Server) -> PostgresHarness:
    return PostgresHarness(embedded.url)


@pytest.fixture(scope="class")
def backend_harness(request: pytest.FixtureRequest) -> PostgresHarness:
    """What the conformance kit asks for; the class names the fixture of its server."""
    server: Server = request.getfixturevalue(request.cls.server)
    return PostgresHarness(server.url)
