"""The program as a process: ready file, signals, workers, sentences, and the real engine behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from extenddb.server import probe
from extenddb.server.testing import Server, ServerFailed, start

BOUND_SECONDS = 30.0


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of a condition, within a bound."""
    deadline = time.monotonic() + BOUND_SECONDS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {BOUND_SECONDS} s"
        time.sleep(0.02)


def ready(endpoint: str) -> bool:
    """Tell whether a server answers that it is ready."""
    try:
        return asyncio.run(probe.status(endpoint)) == 200
    except (OSError, TimeoutError):
        return False


def children(pid: int) -> list[int]:
    """Return the ids of the processes a process started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in path.read_text().split()]


def running(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def use(client: Any) -> None:
    """Write an item and read it back."""
    client.create_table(
        TableName="Music",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="Music", Item={"p": {"S": "é"}, "n": {"N": "1"}})
    assert client.get_item(TableName="Music", Key={"p": {"S": "é"}})["Item"]["n"] == {"N": "1"}


@pytest.mark.parametrize("auth", ["off", "sigv4"])
def test_boto3_works_unchanged(auth: str) -> None:
    with start(backend="memory", auth=auth) as server:
        use(server.client())
        with pytest.raises(ClientError) as caught:
            server.client().get_item(TableName="None", Key={"p": {"S": "x"}})
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
        stranger = server.client(aws_secret_access_key="wrong", config=Config(retries={"total_max_attempts": 1}))
        if auth == "off":
            assert stranger.list_tables()["TableNames"] == ["Music"]
        else:
            with pytest.raises(ClientError, match="InvalidSignatureException"):
                stranger.list_tables()


def test_a_key_of_twelve_digits_is_an_account_of_its_own() -> None:
    with start(backend="memory") as server:
        use(server.client())
        other = server.client(aws_access_key_id="111122223333")
        assert other.list_tables()["TableNames"] == []
        use(other)


def test_given_keys_are_the_only_ones_and_their_secret_is_not_shown() -> None:
    given: Any = {"access_key_id": "AKIDGIVEN", "secret_access_key": "the-secret-given", "account_id": "999988887777"}
    with start(backend="memory", auth="sigv4", **given) as server:
        assert (server.access_key_id, server.account_id) == ("AKIDGIVEN", "999988887777")
        use(server.client())
        assert "the-secret-given" not in server.logs()


def test_the_ready_file_lives_as_long_as_the_server_answers(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    command = [sys.executable, "-P", "-m", "extenddb.server", "--backend", "memory", "--port", "0"]
    with subprocess.Popen(
        [*command, "--ready-file", str(file)], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            eventually(file.exists, "the ready file")
            found = json.loads(file.read_text())
            assert ready(found["endpoint"])
            assert set(found) == {
                "endpoint", "region", "access_key_id", "secret_access_key", "account_id", "pid",
            }  # fmt: skip
            assert (found["region"], found["account_id"], found["pid"]) == ("us-east-1", "000000000000", process.pid)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            process.send_signal(signal.SIGINT)
            assert process.wait(BOUND_SECONDS) == 0
        finally:
            process.kill()
    assert list(tmp_path.iterdir()) == []


def test_what_is_printed_at_the_start() -> None:
    with start(backend="memory") as server:
        text = eventually(lambda: "JavaScript" in server.logs() and server.logs(), "the start lines")
        assert f"ExtendDB answers on {server.endpoint}" in text
        assert "any key accepted" in text
        line = next(each for each in text.splitlines() if "aws dynamodb" in each)
        search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(line, shell=True, env={"PATH": search}, capture_output=True, check=True, timeout=60)
        assert json.loads(done.stdout) == {"TableNames": []}
        python = next(each for each in text.splitlines() if "boto3.client(" in each)
        import boto3

        assert eval(python.strip(), {"boto3": boto3}).list_tables()["TableNames"] == []


def scratch(env: dict[str, str], **settings: Any) -> Any:
    """Start a server of two workers."""
    return start(backend="scratch", workers=2, env=env, **settings)


def test_workers_share_the_port_and_one_that_dies_is_replaced(scratch_env: dict[str, str]) -> None:
    with scratch(scratch_env) as server:
        parent = server.process.pid
        first = eventually(lambda: len(children(parent)) == 2 and children(parent), "two workers")
        os.kill(first[0], signal.SIGKILL)
        eventually(lambda: first[0] not in children(parent) and len(children(parent)) == 2, "a new worker")
        eventually(lambda: ready(server.endpoint), "an answer")
        assert first[1] in children(parent)
        workers = children(parent)
        assert server.stop() == 0
        assert not any(running(pid) for pid in workers)


@pytest.mark.kill
def test_workers_die_with_their_parent(scratch_env: dict[str, str], tmp_path: Path) -> None:
    with scratch(scratch_env | {"TMPDIR": str(tmp_path)}) as server:
        workers = eventually(lambda: len(children(server.process.pid)) == 2 and children(server.process.pid), "workers")
        server.kill()
        eventually(lambda: not any(running(pid) for pid in workers), "the end of the workers")
    assert list(tmp_path.iterdir()) == []


def test_counts_of_all_workers_are_shown_together(scratch_env: dict[str, str]) -> None:
    with scratch(scratch_env) as server:
        once = Config(retries={"total_max_attempts": 1})
        for _ in range(6):
            with pytest.raises(ClientError):
                server.client(config=once).get_item(TableName="none", Key={"p": {"S": "x"}})
        eventually(lambda: 'operation="GetItem"} 6.0' in metrics(server), "a count of six")


def metrics(server: Server) -> str:
    """Return the text of /metrics."""
    import urllib.request

    with urllib.request.urlopen(f"{server.endpoint}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def test_a_server_whose_store_is_away_is_not_ready(scratch_env: dict[str, str], tmp_path: Path) -> None:
    away = tmp_path / "away"
    with scratch(scratch_env, backend_option={"broken": str(away)}) as server:
        assert ready(server.endpoint)
        away.touch()
        assert asyncio.run(probe.status(server.endpoint)) == 503
        assert asyncio.run(probe.status(server.endpoint, "/health")) == 200
        away.unlink()
        assert ready(server.endpoint)


def test_the_server_ends_with_the_standard_input() -> None:
    with start(backend="memory") as server:
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.process.wait(BOUND_SECONDS) == 0


@pytest.mark.parametrize("backend", ["memory", "scratch"])
def test_encrypted_with_an_own_authority(tmp_path: Path, scratch_env: dict[str, str], backend: str) -> None:
    with start(backend=backend, workers=2, tls=True, data_dir=tmp_path / "data", env=scratch_env) as server:
        assert server.endpoint.startswith("https://")
        assert server.client().list_tables()["TableNames"] == []
        from botocore.exceptions import SSLError

        with pytest.raises(SSLError):
            server.client(verify=None, config=Config(retries={"total_max_attempts": 1})).list_tables()


def failing(arguments: list[str], folder: Path, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run the program to its failure; return its code and what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXTENDDB_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "extenddb.server", *arguments],
        cwd=folder,
        env=kept | (env or {}),
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def assert_sentence(found: tuple[int, str], code: int, words: str) -> None:
    """Check that a failure is one sentence."""
    assert found[0] == code
    assert words in found[1]
    assert "Traceback" not in found[1]
    assert found[1].count("\n") == 1


def test_failures_are_one_sentence(tmp_path: Path, scratch_env: dict[str, str]) -> None:
    memory = ["--backend", "memory", "--port", "0"]
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            used = ["--backend", "scratch", "--port", port, "--workers", workers]
            assert_sentence(failing(used, tmp_path, scratch_env), 1, f"Port {port} of 127.0.0.1 cannot be used")
    assert_sentence(failing(["--port", "x"], tmp_path), 2, "--port: 'x' is not a number.")
    assert_sentence(failing(["--backend", "nothing"], tmp_path), 1, "'nothing' is not installed")
    assert_sentence(failing([*memory, "--host", "no.such.host.invalid"], tmp_path), 1, "is not an address")
    own = [*memory, "--tls-cert", str(broken), "--tls-key", str(broken)]
    assert_sentence(failing(own, tmp_path), 1, "cannot be used")
    absent = [*memory, "--tls-cert", "absent.pem", "--tls-key", str(broken)]
    assert_sentence(failing(absent, tmp_path), 1, "The certificate file absent.pem cannot be read")
    assert_sentence(failing([*memory, "--tls", "--data-dir", str(broken)], tmp_path), 1, "cannot be used")
    assert_sentence(failing([*memory, "--ready-file", "absent/file"], tmp_path), 1, "cannot be written")
    refuse = ["--backend", "scratch", "--port", "0", "--backend-option", "refuse=The database x does not exist."]
    for workers in ("1", "3"):
        found = failing([*refuse, "--workers", workers], tmp_path, scratch_env)
        assert_sentence(found, 1, "The database x does not exist.")
    assert_sentence(failing(["healthcheck", "--endpoint", "http://127.0.0.1:9"], tmp_path), 1, "does not answer")


def test_workers_that_cannot_start_end_the_start(tmp_path: Path, scratch_env: dict[str, str]) -> None:
    options = ["--backend-option", "closed=The pool is exhausted."]
    code, said = failing(["--backend", "scratch", "--workers", "2", "--port", "0", *options], tmp_path, scratch_env)
    assert code == 1
    assert "extenddb-server: The pool is exhausted.\n" in said
    assert said.endswith("extenddb-server: A worker process could not start.\n")
    assert "Traceback" not in said


def test_a_worker_that_does_not_drain_is_ended(scratch_env: dict[str, str]) -> None:
    """A second signal does not wait."""
    with scratch(scratch_env, drain_seconds=600) as server:
        workers = eventually(lambda: len(children(server.process.pid)) == 2 and children(server.process.pid), "workers")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        server.process.terminate()
        eventually(lambda: "Stopping" in server.logs(), "the stop")
        server.process.terminate()
        assert server.process.wait(BOUND_SECONDS) == 0
        assert not any(running(pid) for pid in workers)


def test_the_test_helper_shows_why_a_server_did_not_start() -> None:
    with pytest.raises(ServerFailed, match="'nothing' is not installed"), start(backend="nothing"):
        pass


def test_healthcheck_asks_a_running_server(tmp_path: Path) -> None:
    with start(backend="memory") as server:
        command = [sys.executable, "-P", "-m", "extenddb.server", "healthcheck", "--port", str(server.port)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "ready\n"
