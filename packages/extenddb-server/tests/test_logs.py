"""The log keeps a measure whatever clients do."""

from __future__ import annotations

import logging

from extenddb.server.logs import Sparing


def record(message: str, *arguments: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("extenddb.server", level, __file__, 1, message, arguments, None)


def test_what_is_repeated_is_left_out_and_counted() -> None:
    now = 0.0
    sparing = Sparing(lambda: now)
    shown = [sparing.filter(record("%s failed", number)) for number in range(100)]
    assert shown == [True] * 20 + [False] * 80
    assert sparing.filter(record("another"))
    now = 11.0
    after = record("%s failed", 100)
    assert sparing.filter(after)
    assert after.getMessage() == "100 failed (80 more like this were left out before)"
    assert sparing.filter(record("%s failed", 101))


def test_what_is_asked_for_is_shown() -> None:
    sparing = Sparing(lambda: 0.0)
    assert all(sparing.filter(record("GetItem 200", level=logging.INFO)) for _ in range(100))


def test_kinds_without_end_take_no_memory() -> None:
    sparing = Sparing(lambda: 0.0)
    for number in range(5000):
        assert sparing.filter(record(f"text {number}"))
    assert len(sparing._kinds) <= 1000
