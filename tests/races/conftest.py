"""Two engines over one store, as two processes are, and requests that meet each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from races_kit import Arena, opened


@pytest.fixture(scope="module", params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    """Each kind of store in turn."""
    with opened(request.param) as arena:
        yield arena
