"""A running server on embedded PostgreSQL, for whole programs that speak to it from outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from extenddb.server.testing import Server, start

pytest.register_assert_rewrite(
    "kill_kit", "moves_checks", "moves_run", "stream_kit", "truth_run"
)  # their failures show values


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own, with a durable data folder."""
    with start(data_dir=tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def program_environment(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a program that uses the server: nothing of the user's own AWS settings is in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EXTENDDB_POSTGRES"))}
    home = tmp_path_factory.mktemp("home")
    own = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
    }
    return kept | own | server.environment()
