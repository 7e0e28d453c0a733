"""Bytes to a real server and back, below every SDK."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extenddb.server.testing import Server, start

sys.path.insert(0, str(Path(__file__).parent))

from wire_kit import Wire


def _quiet(server: Server) -> None:
    """Whatever was sent, nothing failed inside."""
    assert "Traceback" not in server.logs(), server.logs()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server over PostgreSQL that accepts every key."""
    with start() as running:
        yield running
        _quiet(running)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that checks signatures."""
    with start(backend="memory", auth="sigv4", access_key_id="AKIAWIRE", secret_access_key="wire secret") as running:
        yield running
        _quiet(running)


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """A connection to the server that accepts every key."""
    with Wire(server.port) as connection:
        yield connection
