"""A server on an embedded PostgreSQL that forgets everything, and clients whose answers are held against the model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extenddb.server.testing import Server, start

sys.path.insert(0, str(Path(__file__).parent))

import shape_check


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server."""
    with start() as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: Server) -> tuple[dict[str, Any], list[str]]:
    """A client per service, and what was found wrong with their answers."""
    found: list[str] = []
    made = {name: server.client(name) for name in ("dynamodb", "dynamodbstreams")}
    for client in made.values():
        shape_check.watch(client, found)
    return made, found


@pytest.fixture
def client(clients: tuple[dict[str, Any], list[str]]) -> Iterator[Any]:
    """A client of the database; the test fails if one of its answers does not fit the model."""
    made, found = clients
    found.clear()
    yield made["dynamodb"]
    assert found == []


@pytest.fixture
def streams(clients: tuple[dict[str, Any], list[str]]) -> Any:
    """A client of the streams."""
    return clients[0]["dynamodbstreams"]
