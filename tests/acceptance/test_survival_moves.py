"""SIGKILL while tables are imported, exported, backed up, restored and filled in bulk, all at once.

Each run kills three times, early, in the middle and late, and makes sure each time that what the kill was meant for was
under way; clients write meanwhile. At the end everything is there, once, as computed without any store.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from moves_checks import check_all
from moves_kit import World, make_world
from moves_run import BACKUP, BULK, FROM_BACKUP, FROM_PAST, FULL, IMPORT, INCREMENTAL, Clients, Point, Run

pytestmark = [pytest.mark.kill, pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("kill")]

EARLY, MIDDLE, LATE = 0.0, 0.25, 0.6


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, World]]:
    """A data folder with a past, made once."""
    folder = tmp_path_factory.mktemp("template") / "data"
    yield folder, asyncio.run(make_world(folder))
    shutil.rmtree(folder)


@pytest.fixture
def folder(template: tuple[Path, World], tmp_path: Path) -> Iterator[Path]:
    """A copy of the data folder, with owners and permissions: PostgreSQL looks at them."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", template[0], copy], check=True)
    yield copy
    shutil.rmtree(copy)


def survive(template: tuple[Path, World], folder: Path, how: str, workers: int, points: list[Point]) -> None:
    """Begin everything, kill at the points, and check what is there at the end."""
    with Run(template[1], folder, workers=workers) as run:
        clients = Clients(run)
        with clients.working():
            run.begin()
            for point in points:
                getattr(run, how)(point)
            run.finish()
        print(*run.kills, sep="\n")
        check_all(run, clients)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_server(template: tuple[Path, World], folder: Path, workers: int) -> None:
    points = [
        Point(operation=IMPORT, least=EARLY),
        Point(operation=BULK, least=MIDDLE),
        Point(operation=FROM_PAST, least=LATE),
    ]
    survive(template, folder, "kill_server", workers, points)


def test_the_killed_worker_that_works_on_it(template: tuple[Path, World], folder: Path) -> None:
    points = [
        Point(operation=FULL, least=EARLY),
        Point(operation=IMPORT, least=MIDDLE),
        Point(operation=FROM_BACKUP, least=LATE),
    ]
    survive(template, folder, "kill_holder", 2, points)


def test_killed_postgresql(template: tuple[Path, World], folder: Path) -> None:
    points = [
        Point(operation=BACKUP, least=EARLY),
        Point(operation=INCREMENTAL, least=MIDDLE),
        Point(operation=FROM_PAST, least=LATE),
    ]
    survive(template, folder, "kill_postgres", 2, points)
