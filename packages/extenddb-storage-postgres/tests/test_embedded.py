"""The embedded server: what happens to it, and what it must survive."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from extenddb.core.types.keys import digest
from extenddb.storage.errors import Ambiguous, SerializationFailure, Unavailable
from extenddb.storage.model import Key, Mutation, PointRead, Put, Space, TableRecord
from extenddb.storage_postgres import plugin
from extenddb.storage_postgres.backend import PostgresBackend
from extenddb.storage_postgres.embedded import EmbeddedServer, find_binaries, pidfile

pytestmark = pytest.mark.postgres

PATIENCE = 60.0
PROVISION = """
import asyncio, sys
from extenddb.storage_postgres import plugin
async def main():
    async with plugin.provision({"data_dir": sys.argv[1]}) as settings:
        print(settings["url"], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def value(url: str, query: bytes) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def status_of(pid: int | None) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def provisioned(settings: dict[str, str], query: bytes) -> object:
    async with plugin.provision(settings) as given:
        return value(given["url"], query)


@pytest.fixture
def binaries() -> Path:
    return find_binaries()


def test_data_stays_and_a_second_start_finds_it(tmp_path: Path) -> None:
    settings = {"data_dir": str(tmp_path / "d")}
    keep = b"INSERT INTO extenddb.leases VALUES ('kept', 'h', now()) RETURNING name"
    assert asyncio.run(provisioned(settings, keep)) == "kept"
    assert asyncio.run(provisioned(settings, b"SELECT name FROM extenddb.leases")) == "kept"
    assert (tmp_path / "d" / "postgres" / "data" / "PG_VERSION").exists()


def test_durability_is_on_unless_in_memory(tmp_path: Path) -> None:
    assert asyncio.run(provisioned({"data_dir": str(tmp_path)}, b"SHOW fsync")) == "on"
    assert asyncio.run(provisioned({"memory": "true"}, b"SHOW fsync")) == "off"


def test_a_memory_store_leaves_nothing() -> None:
    directory = asyncio.run(provisioned({"memory": "true"}, b"SHOW data_directory"))
    assert not Path(str(directory)).parent.exists()


def test_a_long_data_directory_has_room_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    assert asyncio.run(provisioned({"data_dir": str(deep)}, b"SELECT 1")) == 1


def test_no_network_port_is_opened(tmp_path: Path) -> None:
    assert asyncio.run(provisioned({"data_dir": str(tmp_path)}, b"SHOW listen_addresses")) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_runs_it_as_another_user_and_opens_no_directory(tmp_path: Path, binaries: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    async def check() -> None:
        server = EmbeddedServer(closed / "postgres", binaries)
        await server.start()
        try:
            fields = status_of(server.pid)
            assert fields["Uid"].split()[1] != "0"
            assert int(fields["CapEff"], 16).bit_count() == 1
        finally:
            await server.stop()

    asyncio.run(check())
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path, binaries: Path) -> None:
    async def check() -> None:
        first, second = EmbeddedServer(tmp_path / "p", binaries), EmbeddedServer(tmp_path / "p", binaries)
        await first.start()
        try:
            with pytest.raises(Unavailable, match="Another server uses the data directory"):
                await second.start()
            assert value(first.url, b"SELECT 1") == 1
        finally:
            await first.stop()

    asyncio.run(check())


def test_data_of_another_major_version_is_refused(tmp_path: Path, binaries: Path) -> None:
    async def run() -> None:
        server = EmbeddedServer(tmp_path / "p", binaries)
        await server.start()
        await server.stop()

    asyncio.run(run())
    (tmp_path / "p" / "data" / "PG_VERSION").write_text("13\n")
    with pytest.raises(Unavailable, match="was made by PostgreSQL 13"):
        asyncio.run(run())


def test_a_directory_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not hold the programs"):
        find_binaries(str(tmp_path))


@pytest.mark.parametrize("alive", [True, False], ids=["reused", "gone"])
def test_a_stale_pid_file_does_not_matter(tmp_path: Path, binaries: Path, *, alive: bool) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert stranger.stdin is not None
    if not alive:
        stranger.communicate(b"\n")

    async def run() -> None:
        server = EmbeddedServer(tmp_path / "p", binaries)
        await server.start()
        try:
            assert value(server.url, b"SELECT 1") == 1
        finally:
            await server.stop()

    asyncio.run(run())
    data = tmp_path / "p" / "data"
    (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1700000000\n5432\n/tmp/nowhere\n\n  1 2\nready   \n")
    asyncio.run(run())
    if alive:
        assert stranger.poll() is None
        stranger.communicate(b"\n")


@pytest.mark.kill
def test_it_ends_with_its_killed_parent_and_the_next_start_waits_for_that(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PROVISION, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().decode().strip()
        postmaster = pidfile.read(tmp_path / "postgres" / "data")
        assert postmaster is not None
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
            parent.send_signal(signal.SIGKILL)
            parent.wait()
            assert asyncio.run(provisioned({"data_dir": str(tmp_path)}, b"SELECT n FROM kept")) == 7
    wait_until(lambda: not Path(f"/proc/{postmaster.pid}/cwd").exists())


@pytest.mark.kill
def test_a_killed_postmaster_comes_back_and_no_acknowledged_write_is_lost(tmp_path: Path) -> None:
    space = Space(id="t")
    acknowledged: list[Key] = []

    async def write(backend: PostgresBackend, worker: int, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = Key(digest(b"%d-%d" % (worker, number)), b"")
            try:
                await backend.items.mutate([Mutation(space, key, lambda old: Put(b"{}", 2))])
            except (Unavailable, Ambiguous, SerializationFailure):
                continue
            acknowledged.append(key)

    async def more(count: int) -> None:
        goal = len(acknowledged) + count
        while len(acknowledged) < goal:  # noqa: ASYNC110  (bounded by the whole test)
            await asyncio.sleep(0.005)

    async def check() -> None:
        server = EmbeddedServer(tmp_path / "p", find_binaries())
        await server.start()
        async with plugin.provision({"url": server.url}) as settings:
            backend = await plugin.open(settings)
            await backend.catalog.create(TableRecord(namespace="n", name="t", space=space, document=b""))
            stop = asyncio.Event()
            writers = [asyncio.create_task(write(backend, n, stop)) for n in range(4)]
            for _ in range(2):
                await more(50)
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                await more(50)
            stop.set()
            await asyncio.gather(*writers)
            rows = await backend.items.get([PointRead(space, key) for key in acknowledged])
            await backend.close()
        await server.stop()
        assert None not in rows

    asyncio.run(asyncio.wait_for(check(), PATIENCE))
