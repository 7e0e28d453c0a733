"""Every case of the corpus: those in files, and those that the families generate."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from dynamodb_cases.model import Case, load
from dynamodb_cases.service import World

HERE = Path(__file__).parent
FAMILIES = sorted(path.stem for path in (HERE / "dynamodb_cases" / "families").glob("*.py"))


def _generated() -> list[Case]:
    return [case for family in FAMILIES for case in import_module(f"dynamodb_cases.families.{family}").cases()]


CASES = [*load(HERE / "corpus"), *_generated()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, world: World) -> None:
    world.run(case)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.id for case in CASES]
    assert len(set(names)) == len(names)
