"""docs/differences.md and its tests: every entry has a file of its number that asserts what is answered here.

Most are case files in `ledger/`, in the notation of the corpus; their member `service` says what is known of the
service's own answer. What needs code is a `test_diff_NN_*.py` beside this file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dynamodb_cases.model import Case, load
from dynamodb_cases.service import World

HERE = Path(__file__).parent
LEDGER = HERE.parents[1] / "docs" / "differences.md"
CASES = list(load(HERE / "ledger"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_difference(case: Case, world: World) -> None:
    world.run(case)


def test_every_entry_has_a_test_and_every_test_an_entry() -> None:
    entries = {int(number) for number in re.findall(r"^(\d+)\. \*\*", LEDGER.read_text("utf-8"), re.MULTILINE)}
    files = [*(HERE / "ledger").glob("*.json"), *HERE.glob("test_diff_*.py")]
    numbers = {int(found[1]) for path in files if (found := re.match(r"(?:test_diff_)?(\d{2,3})_", path.name))}
    assert numbers == entries
    assert all(re.match(r"(?:test_diff_)?\d{2,3}_", path.name) for path in files)
