"""Two servers, tables, and the commands run as a person runs them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extenddb.server.testing import Server, start

BOUND_SECONDS = 60.0
SIGNED: dict[str, Any] = {"auth": "sigv4", "access_key_id": "AKIDTARGET", "secret_access_key": "target-secret"}
"""Settings of a server that checks signatures."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines it wrote."""
        return [json.loads(line) for line in self.out.splitlines()]

    def succeeded(self) -> Done:
        """Check that it did."""
        assert (self.code, self.err) == (0, ""), self
        return self

    def failed(self, words: str) -> None:
        """Check that it failed in one sentence."""
        assert self.code == 1, self
        assert words in self.err
        assert "Traceback" not in self.err
        assert self.err.count("\n") == 1


class Commands:
    """The program, run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> Done:
        """Run it to its end."""
        done = subprocess.run(
            self._line(*arguments),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run it as long as the context lasts; what it writes is in a file."""
        with (self.folder / "told.txt").open("w") as out:
            process = subprocess.Popen(
                self._line(*arguments), cwd=self.folder, env=self._environment(), stdout=out, stderr=out, text=True
            )
            with process:
                try:
                    yield process
                finally:
                    process.kill()

    def events(self) -> list[dict[str, Any]]:
        """Return what the command that is running told so far, as JSON lines."""
        lines = self.told().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def told(self) -> str:
        """Return what the command that is running wrote so far."""
        return (self.folder / "told.txt").read_text()

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "extenddb.server", *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EXTENDDB_", "AWS_"))}
        return kept | {
            "TO_AWS_ACCESS_KEY_ID": SIGNED["access_key_id"],
            "TO_AWS_SECRET_ACCESS_KEY": SIGNED["secret_access_key"],
        }


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Run commands in a folder of their own."""
    return Commands(tmp_path)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """Return a source that accepts every key and a target that checks signatures, both in memory."""
    with start(backend="memory") as source, start(backend="memory", **SIGNED) as target:
        yield source, target


def between(source: Server, target: Server, table: str) -> list[str]:
    """Return the flags that name two endpoints and a table."""
    return ["--from", source.endpoint, "--to", target.endpoint, "--table", table]


def make_table(client: Any, name: str, *, stream: str = "", **more: Any) -> None:
    """Make a table with a partition key `p` and a sort key `s`."""
    if stream:
        more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream}
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "p", "AttributeType": "S"},
            {"AttributeName": "s", "AttributeType": "N"},
            *more.pop("definitions", []),
        ],
        **{"BillingMode": "PAY_PER_REQUEST", **more},
    )


def item(number: int, version: int = 0, size: int = 10) -> dict[str, Any]:
    """Return an item whose key and content are told by numbers."""
    return {"p": {"S": f"p{number % 50}"}, "s": {"N": str(number)}, "v": {"N": str(version)}, "b": {"B": b"x" * size}}


def fill(client: Any, table: str, numbers: range, **content: int) -> None:
    """Write items."""
    writes = [{"PutRequest": {"Item": item(number, **content)}} for number in numbers]
    for at in range(0, len(writes), 25):
        assert not client.batch_write_item(RequestItems={table: writes[at : at + 25]})["UnprocessedItems"]


def contents(client: Any, table: str) -> dict[str, Any]:
    """Return all items of a table by key."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    found = [each for page in pages for each in page["Items"]]
    by_key = {f"{each['p']['S']}/{each['s']['N']}": each for each in found}
    assert len(by_key) == len(found)
    return by_key


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of a condition, within a bound."""
    deadline = time.monotonic() + BOUND_SECONDS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {BOUND_SECONDS} s"
        time.sleep(0.02)
