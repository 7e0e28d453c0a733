"""A server of each module's own, on an embedded PostgreSQL that forgets everything at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extenddb.server.testing import Server, start


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server."""
    with start() as running:
        yield running
