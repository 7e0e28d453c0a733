"""Runs `extenddb-server` as a process of its own and waits until it answers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.01
_TAIL_LINES = 40


class ServerFailed(Exception):
    """The server ended, or did not answer in time; the text holds the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str
    account_id: str
    process: subprocess.Popen[bytes]
    log: Path
    """File with everything the server wrote."""
    ca_bundle: str = ""
    """Certificate to trust, when the server encrypts with its own authority."""

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.endpoint.rpartition(":")[2])

    def client(self, service: str = "dynamodb", **overrides: Any) -> Any:
        """Return a boto3 client of this server; needs boto3 to be installed."""
        import boto3

        given = {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "verify": self.ca_bundle or None,
        }
        return boto3.session.Session().client(service, **(given | overrides))

    def environment(self) -> dict[str, str]:
        """Return variables that lead every AWS SDK to this server."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def logs(self) -> str:
        """Return what the server wrote so far."""
        return self.log.read_text("utf-8", "replace")

    def stop(self, seconds: float = 20.0) -> int:
        """Stop the server gracefully and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"The server did not stop within {seconds} s.\n{_tail(self.log)}") from None

    def kill(self) -> None:
        """End the server at once, without any chance to tidy up."""
        self.process.kill()
        self.process.wait()


def arguments(settings: Mapping[str, Any]) -> list[str]:
    """Return flags for settings named like flags, with underscores; True is a switch, False its opposite."""
    given = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            given.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, Mapping):
            given += [each for key, one in value.items() for each in (f"--{flag}", f"{key}={one}")]
        else:
            given += [f"--{flag}", str(value)]
    return given


@contextlib.contextmanager
def start(
    *, timeout: float = 60.0, env: Mapping[str, str] | None = None, port: int = 0, **settings: Any
) -> Iterator[Server]:
    """Run a server as long as the context lasts.

    Settings are those of the program, `data_dir="/somewhere"` for `--data-dir`. Nothing is kept unless a
    data folder or a database is given. `env` is added to the environment, from which EXTENDDB_ variables are
    left out. Raises ServerFailed.
    """
    if not {"data_dir", "postgres_url", "memory", "backend"} & settings.keys():
        settings["memory"] = True
    if "data_dir" in settings:
        settings["data_dir"] = Path(settings["data_dir"]).resolve()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXTENDDB_")}
    with tempfile.TemporaryDirectory(prefix="extenddb-test-") as name:
        folder = Path(name)
        ready, log = folder / "ready.json", folder / "server.log"
        own = {"port": port, "ready_file": ready, "stop_with_stdin": True}
        command = [sys.executable, "-P", "-m", "extenddb.server", "serve", *arguments(settings | own)]
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603  -- our own program
                command,
                cwd=folder,
                env=kept | dict(env or {}),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
            )
        with process:
            try:
                found = _await_ready(process, ready, log, timeout)
                yield Server(process=process, log=log, **found)
            finally:
                _end(process)


def _await_ready(process: subprocess.Popen[bytes], ready: Path, log: Path, timeout: float) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    while not ready.exists():
        if process.poll() is not None:
            raise ServerFailed(f"The server ended with code {process.returncode}.\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"The server was not ready within {timeout} s.\n{_tail(log)}")
        time.sleep(_POLL_SECONDS)
    found: dict[str, Any] = json.loads(ready.read_text("utf-8"))
    del found["pid"]
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20.0)
        except subprocess.TimeoutExpired:
            process.kill()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:])
