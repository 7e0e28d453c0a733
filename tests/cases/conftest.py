"""The world every case runs in: one engine over memory, and one server over PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dynamodb_cases.service import World, in_memory, over_postgres


@pytest.fixture(scope="session")
def memory_world() -> Iterator[World]:
    """An engine in this process over memory."""
    with in_memory() as service:
        yield World(service)


@pytest.fixture(scope="session")
def postgres_world() -> Iterator[World]:
    """A server of its own over an embedded PostgreSQL."""
    with over_postgres() as service:
        yield World(service)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> World:
    """Each kind of world in turn."""
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found
