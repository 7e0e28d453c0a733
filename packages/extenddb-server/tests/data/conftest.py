"""Shared: two servers and the commands; helpers are in `moving`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extenddb.server.testing import Server, start

sys.path.insert(0, str(Path(__file__).parent))

from moving import SIGNED, Commands


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Run commands in a folder of their own."""
    return Commands(tmp_path)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """Return a source that accepts every key and a target that checks signatures, both in memory."""
    with start(backend="memory") as source, start(backend="memory", **SIGNED) as target:
        yield source, target
