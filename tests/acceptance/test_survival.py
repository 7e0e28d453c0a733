"""SIGKILL under load: no acknowledged write is lost, and nothing needs repair by hand.

Writers keep a ledger of what was acknowledged to them. Then a worker, the whole server, or its PostgreSQL is killed
while they write; they go on against what comes back. At the end every acknowledged item must be there with its value,
and every counter must lie between its acknowledged and its attempted increments.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kill_kit import postmaster_of, workers_of

from extenddb.server.testing import Server, start

pytestmark = [pytest.mark.kill, pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("kill")]

TABLE = "ledger"
WRITERS = 6
BEFORE = 300  # acknowledged writes of all writers together before the kill, and again after it
PATIENCE = 60.0  # seconds for anything to happen


@dataclass
class Ledger:
    """What one writer was told."""

    name: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    increments: int = 0
    attempts: int = 0
    failures: int = 0


def client(server: Server) -> Any:
    """Return a client that neither repeats nor waits long: the ledger must know of each attempt."""
    return server.client(config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5))


class Load:
    """Writers in threads."""

    def __init__(self, server: Server, *, run: str = "first") -> None:
        self.server = server
        self.ledgers = [Ledger(f"{run}-{number}") for number in range(WRITERS)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(ledger,)) for ledger in self.ledgers]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def _write(self, ledger: Ledger) -> None:
        dynamodb = client(self.server)
        for number in range(1_000_000):
            if self._stop.is_set():
                return
            try:
                self._step(dynamodb, ledger, number)
            except (BotoCoreError, ClientError):
                ledger.failures += 1
                self._stop.wait(0.01)

    def _step(self, dynamodb: Any, ledger: Ledger, number: int) -> None:
        key, value = f"{ledger.name}-{number}", f"value {number} " + "x" * (number % 700)
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": key}, "value": {"S": value}})
        ledger.acknowledged[key] = value
        ledger.attempts += 1
        dynamodb.update_item(
            TableName=TABLE,
            Key={"id": {"S": f"counter-{ledger.name}"}},
            UpdateExpression="ADD hits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        ledger.increments += 1

    @property
    def acknowledged(self) -> int:
        """How many puts were acknowledged so far."""
        return sum(len(ledger.acknowledged) for ledger in self.ledgers)

    def wait_for_more(self, count: int) -> None:
        """Return when so many more puts were acknowledged than now."""
        goal = self.acknowledged + count
        wait_until(lambda: self.acknowledged >= goal, f"{count} more acknowledged writes", self.server)


def wait_until(holds: Callable[[], bool], what: str, server: Server) -> None:
    """Return when a condition holds; fails with the server's log when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}\n{server.logs()[-4000:]}"
        time.sleep(0.02)


def create_table(server: Server) -> None:
    """Create the ledger's table."""
    client(server).create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def stored(server: Server) -> dict[str, Any]:
    """Return all items by id, read with strongly consistent scans."""
    pages = client(server).get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def check(ledgers: list[Ledger], items: dict[str, Any]) -> None:
    """Compare the ledgers with what is stored."""
    lost = [
        key
        for ledger in ledgers
        for key, value in ledger.acknowledged.items()
        if items.get(key, {}).get("value") != {"S": value}
    ]
    assert lost == []
    for ledger in ledgers:
        hits = int(items[f"counter-{ledger.name}"]["hits"]["N"])
        assert ledger.increments <= hits <= ledger.attempts


def test_killed_worker_is_replaced(tmp_path: Path) -> None:
    with start(data_dir=tmp_path / "data", workers=2) as server:
        create_table(server)
        with Load(server) as load:
            load.wait_for_more(BEFORE)
            workers = workers_of(server)
            assert len(workers) == 2
            os.kill(workers[0], signal.SIGKILL)
            load.wait_for_more(BEFORE)
            wait_until(lambda: len(workers_of(server)) == 2, "two workers", server)
            load.wait_for_more(BEFORE)
        check(load.ledgers, stored(server))


def test_killed_postgresql_comes_back(tmp_path: Path) -> None:
    with start(data_dir=tmp_path / "data", workers=2) as server:
        create_table(server)
        with Load(server) as load:
            load.wait_for_more(BEFORE)
            postmaster = postmaster_of(server)
            assert postmaster is not None
            os.kill(postmaster, signal.SIGKILL)
            wait_until(lambda: postmaster_of(server) not in (None, postmaster), "another PostgreSQL", server)
            load.wait_for_more(BEFORE)
        check(load.ledgers, stored(server))


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_server_starts_again(tmp_path: Path, workers: int) -> None:
    with start(data_dir=tmp_path / "data", workers=workers) as server:
        create_table(server)
        with Load(server) as load:
            load.wait_for_more(BEFORE)
            server.kill()
    first = load.ledgers
    with start(data_dir=tmp_path / "data", workers=workers) as server:
        check(first, stored(server))
        with Load(server, run="second") as load:
            load.wait_for_more(BEFORE)
        check([*first, *load.ledgers], stored(server))
