"""Two engines that must agree: one over memory, one over an embedded PostgreSQL that forgets everything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from agreement_kit.pair import Pair, opened


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Both engines, for one module."""
    with opened() as both:
        yield both
