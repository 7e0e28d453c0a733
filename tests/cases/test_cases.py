"""Every case of the corpus: those in files, and those that the families generate."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from zlib import crc32

import pytest
from dynamodb_cases.model import Case, load
from dynamodb_cases.service import World

HERE = Path(__file__).parent
FAMILIES = sorted(path.stem for path in (HERE / "dynamodb_cases" / "families").glob("*.py"))
SAMPLED = frozenset(("comparisons", "faults", "legacy_members", "legacy_operators", "structure", "violations"))
"""Large families about what is decided before or after the store does its part: one in four is enough over HTTP."""

GENERATED = {family: list(import_module(f"dynamodb_cases.families.{family}").cases()) for family in FAMILIES}
CASES = [*load(HERE / "corpus"), *(case for cases in GENERATED.values() for case in cases)]
LEFT_OUT = frozenset(case.id for family in SAMPLED for case in GENERATED[family] if crc32(case.id.encode()) % 4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_in_memory(case: Case, memory_world: World) -> None:
    memory_world.run(case)


@pytest.mark.postgres
@pytest.mark.parametrize("case", [case for case in CASES if case.id not in LEFT_OUT], ids=lambda case: case.id)
def test_case_over_http(case: Case, postgres_world: World) -> None:
    postgres_world.run(case)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.id for case in CASES]
    assert len(set(names)) == len(names)
