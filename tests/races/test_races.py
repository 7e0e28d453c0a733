"""Whatever races it, every operation answers something that its clients can expect, and never that the server broke.

The fixture of the repository's own conftest holds every error against the service model; here they are counted.
"""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from races_kit import Arena, Outcomes
from races_requests import CONTROL, DATA, Facts

from extenddb.core.errors import ERROR_TYPES
from extenddb.core.model import OPERATIONS

_numbers = itertools.count(1)


def broken(outcomes: Outcomes) -> dict[tuple[str, str], int]:
    """Return the outcomes that put the blame on the server."""
    return {
        (operation, error): count
        for (operation, error), count in outcomes.items()
        if error and ERROR_TYPES[error].fault == "server"
    }


def test_there_is_a_request_for_every_operation() -> None:
    assert CONTROL.keys() | DATA.keys() == OPERATIONS.keys()
    assert not CONTROL.keys() & DATA.keys()


@pytest.mark.parametrize("operation", sorted(CONTROL.keys() - {"DeleteTable", "CreateTable"}))
def test_a_control_operation_against_the_removal_of_its_table(arena: Arena, operation: str) -> None:
    async def rounds() -> Outcomes:
        outcomes: Outcomes = Counter()
        for seed in range(3):
            facts = await arena.prepare(f"one-{next(_numbers)}")
            requests = {name: CONTROL[name] for name in (operation, "DeleteTable", "CreateTable")}
            outcomes += await arena.race(facts, requests, 4, seed)
        return outcomes

    outcomes = arena.run(rounds())
    assert broken(outcomes) == {}
    assert sum(outcomes.values()) == 3 * 3 * 2 * 4


def test_all_control_operations_against_each_other(arena: Arena) -> None:
    async def rounds() -> Outcomes:
        outcomes: Outcomes = Counter()
        for seed in range(5):
            outcomes += await arena.race(await arena.prepare(f"all-{next(_numbers)}"), CONTROL, 2, seed)
        return outcomes

    outcomes = arena.run(rounds())
    assert broken(outcomes) == {}
    assert sum(outcomes.values()) == 5 * len(CONTROL) * 2 * 2


def test_everything_against_tables_that_come_and_go(arena: Arena) -> None:
    names = {name: CONTROL[name] for name in ("DeleteTable", "CreateTable", "UpdateTable")}

    async def rounds() -> Outcomes:
        outcomes: Outcomes = Counter()
        for seed in range(6):
            outcomes += await arena.race(await arena.prepare(f"any-{next(_numbers)}"), {**DATA, **names}, 3, seed)
        return outcomes

    assert broken(arena.run(rounds())) == {}


def test_many_changes_of_one_table_all_come_through(arena: Arena) -> None:
    """Rivals repeat with pauses, so that none of them is told to come again: eight attempts at once were too few."""

    async def changes() -> Outcomes:
        facts: Facts = await arena.prepare(f"many-{next(_numbers)}")
        return await arena.race(facts, {"TagResource": CONTROL["TagResource"]}, 12, 1)

    assert arena.run(changes()) == {("TagResource", ""): 24}
