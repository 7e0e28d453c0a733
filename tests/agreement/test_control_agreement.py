"""Random histories of tables: settings, streams, backups, recovery. Both stores answer alike, and tell the truth."""

from __future__ import annotations

import pytest
from agreement_kit.control import History, Step, scripts
from agreement_kit.pair import Pair
from hypothesis import HealthCheck, Phase, given, settings

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("agreement")]
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=_CHECKS)
@given(script=scripts())
def test_random_histories_of_tables(pair: Pair, script: list[Step]) -> None:
    History(pair).carry_out(script)


@settings(max_examples=5, deadline=None, suppress_health_check=_CHECKS, phases=[Phase.generate])
@given(script=scripts())
def test_a_few_histories_of_tables(pair: Pair, script: list[Step]) -> None:
    """The same, short enough for every run."""
    History(pair).carry_out(script)


EVERYTHING: list[Step] = [
    ("stream", "NEW_AND_OLD_IMAGES"),
    ("recovery", True),
    ("put", ("a", "1")),
    ("put", ("b", "1")),
    ("moment", None),
    ("put", ("a", "2")),
    ("put", ("a", "2")),
    ("backup", None),
    ("delete", "b"),
    ("delete", "b"),
    ("restore", 0),
    ("drop", "copy"),
    ("work", None),
    ("go back", 0),
]


def test_one_history_that_comes_to_everything(pair: Pair) -> None:
    """The expectations themselves hold something: this history restores, goes back and reads a stream."""
    history = History(pair)
    history.carry_out(EVERYTHING)
    assert len(history._backups) == 1
    assert [len(items) for _, items in history._moments] == [2]
    assert history._events == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a"), ("REMOVE", "b")]
