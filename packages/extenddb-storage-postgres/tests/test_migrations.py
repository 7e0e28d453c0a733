"""Migrations: complete, repeatable, and equal to the schema file."""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import Any

import psycopg
import pytest

from extenddb.storage.errors import Unavailable
from extenddb.storage_postgres import plugin
from extenddb.storage_postgres.migrate import migrate, migrations

pytestmark = pytest.mark.postgres

SHAPE = (
    b"SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,"
    b" a.attstorage::text, a.attcollation::regcollation::text, a.attidentity::text"
    b" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    b" WHERE c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND c.relname NOT LIKE 'migrations%%'"
    b" UNION ALL SELECT 'index', tablename, indexname, replace(indexdef, current_schema(), ''), '', '', '', ''"
    b" FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'migrations' ORDER BY 1, 2, 3"
)


async def shape(connection: psycopg.AsyncConnection, schema: str) -> list[tuple[Any, ...]]:
    await connection.execute(f"SET search_path = {schema}".encode())
    return await (await connection.execute(SHAPE)).fetchall()


async def connected(url: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


def test_the_schema_file_is_all_migrations(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> tuple[list[Any], list[Any]]:
        async with await connected(harness.url) as connection:
            await connection.execute("CREATE SCHEMA migrated_whole; SET search_path = migrated_whole")
            text = (resources.files("extenddb.storage_postgres") / "schema.sql").read_text("utf-8")
            await connection.execute(text.encode())
            await connection.execute("CREATE SCHEMA migrated_steps; SET search_path = migrated_steps")
            await migrate(connection, "migrated_steps")
            return await shape(connection, "migrated_whole"), await shape(connection, "migrated_steps")

    whole, steps = asyncio.run(check())
    assert len(whole) > 20
    assert whole == steps


def test_each_migration_runs_once_even_when_servers_start_together(harness) -> None:  # type: ignore[no-untyped-def]
    async def one() -> int:
        async with await connected(harness.url) as connection:
            await connection.execute("SET search_path = together")
            return await migrate(connection, "together")

    async def check() -> list[int]:
        return await asyncio.gather(*(one() for _ in range(4)))

    assert sorted(asyncio.run(check())) == [0, 0, 0, len(migrations())]


def test_numbers_have_no_gap_and_no_twin() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_newer_schema_is_refused(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await harness.create()
        async with backend.pool.connection() as connection:
            await connection.execute("INSERT INTO migrations VALUES (9999, now())")
            row = await (await connection.execute("SELECT current_schema()")).fetchone()
        await backend.close()
        assert row is not None
        async with plugin.provision({"url": harness.url, "schema": row[0]}):
            pass

    with pytest.raises(Unavailable, match="newer version"):
        asyncio.run(check())
