"""Two engines over one store for each test here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from collections.abc import Iterator

import pytest
from definition_kit import TAB, Pair, two_engines


@pytest.fixture(scope="module", params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def engines(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with two_engines(request.param) as pair:
        yield pair


@pytest.fixture
def pair(engines: Pair) -> Iterator[Pair]:
    """Engines over a store without a table."""
    yield engines
    engines.refusal(engines.changer, "DeleteTable", {"TableName": TAB})
