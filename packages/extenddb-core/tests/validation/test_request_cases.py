"""Requests and what is answered to them: one file of cases per subject, one test for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extenddb.core.errors import ServiceError
from extenddb.core.wire.decode import decode

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    if "error" not in case:
        assert decode(case["operation"], case["request"]) == case.get("result", case["request"])
        return
    with pytest.raises(ServiceError) as caught:
        decode(case["operation"], case["request"])
    assert caught.value.kind.name == case["error"]
    if "text" in case:
        assert caught.value.message == case["text"]
    assert "text" in case or case["contains"]
    for part in case.get("contains", ()):
        assert part in caught.value.message
