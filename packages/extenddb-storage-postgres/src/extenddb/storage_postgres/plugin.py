"""The plugin: provision a server and schema, open a store."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from extenddb.storage.capabilities import Capabilities
from extenddb.storage.errors import Unavailable
from extenddb.storage.model import Settings
from extenddb.storage_postgres.backend import CAPABILITIES, PostgresBackend
from extenddb.storage_postgres.config import Config, parse
from extenddb.storage_postgres.errors import translated
from extenddb.storage_postgres.migrate import migrate
from extenddb.storage_postgres.pool import connect


class PostgresPlugin:
    """`spi.BackendPlugin`."""

    name: str = "postgres"
    spi_version: str = "1.0"
    capabilities: Capabilities = CAPABILITIES

    @asynccontextmanager
    async def provision(self, settings: Settings) -> AsyncIterator[Settings]:
        """See `spi.BackendPlugin.provision`: runs the embedded server where no `url` is set, and migrates."""
        config = parse(settings)
        if config.url is not None:
            await _migrate(config)
            yield settings
            return
        async with _embedded(config) as url:
            await _migrate(replace(config, url=url))
            yield {**settings, "url": url}

    async def open(self, settings: Settings) -> PostgresBackend:
        """See `spi.BackendPlugin.open`."""
        config = parse(settings)
        if config.url is None:
            raise Unavailable("The PostgreSQL store has no address: open it with the settings that provision gave.")
        backend = PostgresBackend(config)
        try:
            await backend.ping()
        except BaseException:
            await backend.close()
            raise
        return backend


async def _migrate(config: Config) -> None:
    connection = await connect(config)
    try:
        with translated():
            await migrate(connection, config.schema)
    finally:
        await connection.close()


@asynccontextmanager
async def _embedded(config: Config) -> AsyncIterator[str]:
    # Only here: with a server of the operator's nothing of it is needed.
    from extenddb.storage_postgres.embedded import EmbeddedServer, find_binaries

    binaries = find_binaries(config.pg_bin)
    if config.memory:
        directory = Path(tempfile.mkdtemp(prefix="extenddb-memory-"))
    elif config.data_dir is not None:
        directory = config.data_dir / "postgres"
    else:
        raise Unavailable("The embedded PostgreSQL needs a data directory (data_dir), or memory.")
    server = EmbeddedServer(directory, binaries, durable=not config.memory)
    try:
        await server.start()
        yield server.url
    finally:
        await server.stop()
        if config.memory:
            shutil.rmtree(directory, ignore_errors=True)


plugin = PostgresPlugin()
