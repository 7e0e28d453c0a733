"""Random histories: over memory and over PostgreSQL the engine gives the same answers, byte for byte in value.

Where one of them contradicts itself (pages against the whole, an index against its table) both are wrong, and that is
asked too.
"""

from __future__ import annotations

from typing import Any

import pytest
from agreement_kit.pair import Pair
from agreement_kit.script import TABLE, Script, carry_out, scripts
from agreement_kit.shapes import SHAPES, Shape
from hypothesis import HealthCheck, Phase, given, settings

from extenddb.engine import Engine

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("agreement")]
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=_CHECKS)
@given(script=scripts())
def test_random_histories_are_answered_alike(pair: Pair, script: Script) -> None:
    carry_out(script, pair)


@settings(max_examples=8, deadline=None, suppress_health_check=_CHECKS, phases=[Phase.generate])
@given(script=scripts())
def test_a_few_histories(pair: Pair, script: Script) -> None:
    """The same, short enough for every run."""
    carry_out(script, pair)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape.keys))
def test_tables_are_described_alike(pair: Pair, shape: Shape) -> None:
    account = pair.account()
    created = pair.ask(account, "CreateTable", shape.request(TABLE))
    assert created["TableDescription"]["TableStatus"] == "CREATING"
    assert pair.ask(account, "DescribeTable", {"TableName": TABLE})["Table"]["TableStatus"] == "ACTIVE"
    assert "__type" not in pair.ask(account, "DeleteTable", {"TableName": TABLE})


def test_a_difference_is_noticed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: one engine that answers a little differently is found out."""
    execute = Engine.execute
    second = pair._engines[1]

    async def forgetful(self: Engine, operation: str, *rest: Any) -> dict[str, Any]:
        answer = await execute(self, operation, *rest)
        return {**answer, "Count": 7} if self is second and operation == "Scan" else answer

    monkeypatch.setattr(Engine, "execute", forgetful)
    account = pair.account()
    pair.ask(account, "CreateTable", SHAPES[0].request(TABLE))
    with pytest.raises(AssertionError, match="Scan"):
        pair.ask(account, "Scan", {"TableName": TABLE})
