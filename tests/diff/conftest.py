"""The world of the corpus, for what is known to differ from the service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

from dynamodb_cases.service import World, in_memory


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """An engine in this process over memory."""
    with in_memory() as service:
        yield World(service)
