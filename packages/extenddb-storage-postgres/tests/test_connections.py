"""Connections: what is said when there is none, and what happens when one is lost."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from extenddb.core.types.keys import digest
from extenddb.storage.errors import Ambiguous, Unavailable
from extenddb.storage.model import Decision, Key, Mutation, PointRead, Put, Row, Space, TableRecord
from extenddb.storage_postgres import plugin, pool
from extenddb.storage_postgres.backend import PostgresBackend

pytestmark = pytest.mark.postgres

KEY = Key(digest(b"k"), b"")
SPACE = Space(id="t")
RECORD = TableRecord(namespace="n", name="t", space=SPACE, document=b"{}")
KILL_OTHERS = (
    b"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    b" WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


async def provision(url: str) -> None:
    async with plugin.provision({"url": url}):
        pass


async def kill_others(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(KILL_OTHERS)


async def ready(harness, **settings: str) -> PostgresBackend:  # type: ignore[no-untyped-def]
    backend: PostgresBackend = await harness.create(**settings)
    await backend.catalog.create(RECORD)
    return backend


def put() -> Mutation:
    return Mutation(SPACE, KEY, lambda old: Put(b"{}", 2))


def test_a_missing_database_is_named(harness) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Unavailable, match='database "nowhere" does not exist') as failure:
        asyncio.run(provision(harness.url.replace("dbname=postgres", "dbname=nowhere")))
    assert "\n" not in str(failure.value)


def test_an_unreachable_host_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="PostgreSQL cannot be reached") as failure:
        asyncio.run(provision(f"postgresql://{quote(str(tmp_path), safe='')}/x"))
    assert str(tmp_path) in str(failure.value)


def test_a_wrong_password_is_refused_at_once(embedded) -> None:  # type: ignore[no-untyped-def]
    hba = embedded.embedded._directory / "hba.conf"
    hba.write_text("local all pwuser scram-sha-256\n" + hba.read_text())
    with psycopg.connect(embedded.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE pwuser LOGIN PASSWORD 'right'")
        connection.execute("SELECT pg_reload_conf()")
    url = embedded.url.replace("user=extenddb", "user=pwuser password=wrong")
    with pytest.raises(Unavailable, match="password authentication failed") as failure:
        asyncio.run(provision(url))
    assert "wrong" not in str(failure.value)


def test_an_address_that_makes_no_sense() -> None:
    with pytest.raises(Unavailable, match="not understood"):
        asyncio.run(provision("nonsense"))


def test_an_old_server_is_refused(harness, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(pool, "OLDEST_SERVER", 990000)
    with pytest.raises(Unavailable, match="older than"):
        asyncio.run(provision(harness.url))


def test_a_connection_lost_while_idle_is_replaced(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await ready(harness)
        for _ in range(3):
            await kill_others(harness.url)
            assert await backend.items.get([PointRead(SPACE, KEY)]) == [None]
        await harness.destroy(backend)

    asyncio.run(check())


def test_a_connection_lost_between_the_rounds_applies_nothing(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await ready(harness)

        def decide(old: Row | None) -> Decision:
            with psycopg.connect(harness.url, autocommit=True) as connection:
                connection.execute(KILL_OTHERS)
            return Put(b"{}", 2)

        with contextlib.suppress(Ambiguous, Unavailable):
            await backend.items.mutate([Mutation(SPACE, KEY, decide)])
            pytest.fail("the write cannot have succeeded")
        assert await backend.items.get([PointRead(SPACE, KEY)]) == [None]
        await harness.destroy(backend)

    asyncio.run(check())


def test_waiting_for_a_busy_pool_ends(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await ready(harness, pool_size="1", pool_timeout="0.05")
        async with backend.pool.connection():
            with pytest.raises(Unavailable, match="busy"):
                await backend.items.get([PointRead(SPACE, KEY)])
        assert await backend.items.get([PointRead(SPACE, KEY)]) == [None]
        await harness.destroy(backend)

    asyncio.run(check())


def test_a_closed_store_says_so(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await ready(harness)
        await harness.destroy(backend)
        with pytest.raises(Unavailable, match="closed"):
            await backend.ping()

    asyncio.run(check())


def test_many_prepared_statements_are_forgotten_together(harness, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("extenddb.storage_postgres.wire._PREPARED_LIMIT", 2)

    async def check() -> None:
        backend = await ready(harness, pool_size="1")
        for _ in range(3):
            await backend.items.mutate([put()])
            await backend.items.get([PointRead(SPACE, KEY)])
            await backend.ping()
        await harness.destroy(backend)

    asyncio.run(check())


def test_two_tables_in_one_transaction_and_a_missing_one(harness) -> None:  # type: ignore[no-untyped-def]
    async def check() -> None:
        backend = await ready(harness, pool_size="1")
        reads = [PointRead(SPACE, KEY), PointRead(Space(id="missing"), KEY)]
        for _ in range(2):
            with pytest.raises(Exception, match="missing"):
                await backend.items.snapshot(reads)
            assert await backend.items.get(reads[:1]) == [None]
        assert backend.pool.counter.statements > 0
        await harness.destroy(backend)

    asyncio.run(check())
