"""Brings a schema up to date: numbered files, forward only, one server at a time.

`expand` files only add, so that servers of the version before keep working beside this one; `contract` files remove
what no supported version uses any more.
"""

from __future__ import annotations

import logging
import re
from importlib import resources

import psycopg
from psycopg import sql

from extenddb.storage.errors import Unavailable

log = logging.getLogger("extenddb.storage_postgres")

_FILE = re.compile(r"(\d{4})_(expand|contract)_[a-z0-9_]+\.sql")
_LOCK_KEY = 0x657874656E64
"""Advisory lock that migrating servers of one database take turns by; the version table is the guard."""


def migrations() -> list[tuple[int, str]]:
    """Return number and text of every migration in order."""
    folder = resources.files("extenddb.storage_postgres") / "migrations"
    matches = [(match, file) for file in folder.iterdir() if (match := _FILE.fullmatch(file.name))]
    return sorted((int(match[1]), file.read_text("utf-8")) for match, file in matches)


async def migrate(connection: psycopg.AsyncConnection, schema: str) -> int:
    """Create the schema if needed and run what is missing; return how many migrations ran.

    Raises Unavailable when the database was migrated by a newer version.
    """
    name = sql.Identifier(schema)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        await connection.execute("SET LOCAL lock_timeout = 0")
        exists = await connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        if await exists.fetchone() is None:
            await connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        await connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {}.migrations (number int PRIMARY KEY, at timestamptz NOT NULL)"
            ).format(name)
        )
        done = await _done(connection, name)
        known = migrations()
        if done - {number for number, _ in known}:
            raise Unavailable("The database belongs to a newer version of extenddb-storage-postgres: upgrade this one.")
        missing = [(number, text) for number, text in known if number not in done]
        for number, text in missing:
            await connection.execute(text.encode())
            await connection.execute(
                sql.SQL("INSERT INTO {}.migrations VALUES (%s, clock_timestamp())").format(name), [number]
            )
        await _extend(connection)
    return len(missing)


async def _extend(connection: psycopg.AsyncConnection) -> None:
    """Install pgvector if the server has it and lets us; it makes searches of vectors fast and is never needed."""
    found = await connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
    if await found.fetchone() is not None:
        return
    found = await connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
    if await found.fetchone() is None:
        return
    try:
        # Not into the store's own schema: the other stores of the database share it.
        async with connection.transaction():
            await connection.execute("CREATE EXTENSION vector WITH SCHEMA public")
    except psycopg.Error as error:
        log.info("The extension vector is not installed: %s", error)


async def _done(connection: psycopg.AsyncConnection, schema: sql.Identifier) -> set[int]:
    cursor = await connection.execute(sql.SQL("SELECT number FROM {}.migrations").format(schema))
    return {number for (number,) in await cursor.fetchall()}
