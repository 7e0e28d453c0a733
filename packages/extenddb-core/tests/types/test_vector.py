"""Stored vectors."""

from __future__ import annotations

import pytest

from extenddb.core.types import vector


@pytest.mark.parametrize(
    ("component", "text"),
    [(16777217.0, "16777216"), (0.1, "0.1"), (-2.5, "-2.5"), (1 / 3, "0.33333334"), (1e-40, "1e-40"), (0.0, "0")],
)
def test_texts_are_the_shortest_of_the_stored_component(component: float, text: str) -> None:
    (found,) = vector.texts([component])
    assert float(found) == float(text)
    assert len(found.lstrip("-")) <= len("0.333333343")
    assert vector.pack([float(found)]) == vector.pack([component])
