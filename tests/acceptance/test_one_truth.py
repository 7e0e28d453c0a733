"""All processes answer by the definition in force: the short form of `make truth`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from truth_run import World, one_server, run, two_servers

from extenddb.server.testing import Server

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ROUNDS = 45
SEED = "one truth"
READS = ("BatchGet", "Describe", "ExecuteStatement", "Get", "List", "Query", "Scan")
MEANINGS = {"ok", "gone", "key", "index key", "no index", "shown"}


def check(world: World) -> None:
    """Check that there was something to find, and that nothing was found."""
    assert not world.wrong, "\n".join(world.wrong[:5])
    assert {what.partition(" ")[2] for what in world.asked} >= MEANINGS, "not every kind of answer was met"
    assert world.asked["records"]
    assert not [what for what in world.trouble if what.startswith(READS)], "a read that gave way to a change"
    assert world.trouble.total() * 100 < world.asked.total(), world.trouble


@pytest.mark.parametrize(
    ("make", "settings"),
    [(one_server, {}), (two_servers, {"workers": 1})],
    ids=["one server as it is by default", "two servers on one database"],
)
def test_no_process_answers_by_an_old_definition(
    make: Callable[..., AbstractContextManager[list[Server]]], settings: dict[str, Any], tmp_path: Path
) -> None:
    with make(tmp_path / "data", **settings) as servers:
        check(run(servers, ROUNDS, SEED))
