"""Makes the helpers beside these tests importable, and gives them the stores to run on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> str:
    """Run on the reference backend and on PostgreSQL."""
    name: str = request.param
    return name
