"""The program on its own PostgreSQL: what survives, what heals, what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from extenddb.server.testing import Server, start

pytestmark = pytest.mark.postgres
BOUND_SECONDS = 60.0


def create(client: Any) -> None:
    """Create the table."""
    client.create_table(
        TableName="Kept",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def put(client: Any, key: str) -> None:
    """Write an item."""
    client.put_item(TableName="Kept", Item={"p": {"S": key}})


def has(client: Any, key: str) -> bool:
    """Tell whether an item is there."""
    return "Item" in client.get_item(TableName="Kept", Key={"p": {"S": key}}, ConsistentRead=True)


@pytest.mark.kill
def test_keys_and_items_survive_a_stop_and_a_kill(tmp_path: Path) -> None:
    """Two workers, signatures checked with a key made at the first start."""
    settings: dict[str, Any] = {"data_dir": tmp_path / "data", "auth": "sigv4", "workers": 2}
    with start(**settings) as server:
        first = (server.access_key_id, server.secret_access_key)
        assert server.secret_access_key in _whole_log(server)
        create(server.client())
        put(server.client(), "stop")
        assert server.stop() == 0
    with start(**settings) as server:
        assert (server.access_key_id, server.secret_access_key) == first
        assert server.secret_access_key not in _whole_log(server)
        assert has(server.client(), "stop")
        put(server.client(), "kill")
        server.kill()
    with start(**settings) as server:
        assert has(server.client(), "stop")
        assert has(server.client(), "kill")


def _whole_log(server: Server) -> str:
    deadline = time.monotonic() + BOUND_SECONDS
    while "JavaScript" not in server.logs():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return server.logs()


def postmaster(data: Path) -> int:
    """Return the id of the database's first process."""
    return int(next(data.rglob("postmaster.pid")).read_text().split()[0])


@pytest.mark.kill
def test_a_database_that_dies_comes_back_and_workers_connect_again(tmp_path: Path) -> None:
    with start(data_dir=tmp_path / "data", workers=2) as server:
        client = server.client(config=Config(retries={"total_max_attempts": 1}))
        create(client)
        put(client, "before")
        os.kill(postmaster(tmp_path / "data"), signal.SIGKILL)
        errors = []
        deadline = time.monotonic() + BOUND_SECONDS
        while True:
            try:
                put(client, "after")
                break
            except (ClientError, BotoCoreError) as error:
                errors.append(error)
            assert time.monotonic() < deadline, errors[-1]
        statuses = {
            each.response["ResponseMetadata"]["HTTPStatusCode"] for each in errors if isinstance(each, ClientError)
        }
        assert statuses <= {500, 503}
        assert has(client, "before")


def test_memory_leaves_nothing_behind(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with start(memory=True, workers=1, env={"TMPDIR": str(scratch)}) as server:
        create(server.client())
        put(server.client(), "x")
        assert server.stop() == 0
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/none", "postgresql://127.0.0.1:notaport/x"])
def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path, url: str) -> None:
    command = [sys.executable, "-P", "-m", "extenddb.server", "--port", "0", "--postgres-url", url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("extenddb-server: ")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_signal_during_the_start_ends_it_cleanly(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "extenddb.server", "--port", "0", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + BOUND_SECONDS
        while not (tmp_path / "data").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not list((tmp_path / "data").rglob("postmaster.pid"))
