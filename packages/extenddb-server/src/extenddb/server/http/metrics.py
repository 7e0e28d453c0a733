"""Counting requests, and showing the counts in the text format of Prometheus.

A request costs a few additions on plain lists. Processes that share a port each write their counts to a folder of
the supervisor's, and whoever is asked adds them up; counts of processes that ended stay, so that sums never fall.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, seconds."""


class Counts:
    """Counts of one operation."""

    __slots__ = ("buckets", "errors", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.errors: dict[str, int] = {}

    def add(self, other: dict[str, Any]) -> None:
        """Add what another process counted."""
        self.buckets = [mine + its for mine, its in zip(self.buckets, other["buckets"], strict=True)]
        self.seconds += other["seconds"]
        for name, count in other["errors"].items():
            self.errors[name] = self.errors.get(name, 0) + count

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {"buckets": self.buckets, "seconds": self.seconds, "errors": self.errors}


class Metrics:
    """The counts of this process, and through `folder` those of its siblings."""

    def __init__(self, folder: Path | None = None) -> None:
        self._operations: dict[str, Counts] = {}
        self._folder = folder
        self._own = f"{os.getpid()}.json"
        self.in_flight: Callable[[], int] = lambda: 0
        """Tells how many requests this process is answering."""

    def record(self, operation: str, error: str, seconds: float) -> None:
        """Count one answered request; `operation` and `error` are names from closed sets, or empty."""
        counts = self._operations.get(operation)
        if counts is None:
            counts = self._operations[operation] = Counts()
        counts.buckets[bisect_left(BOUNDS, seconds)] += 1
        counts.seconds += seconds
        if error:
            counts.errors[error] = counts.errors.get(error, 0) + 1

    def publish(self) -> None:
        """Let the siblings see the counts of this process."""
        if self._folder is None:
            return
        fresh = self._folder / f".{self._own}"
        fresh.write_bytes(orjson.dumps({name: each.as_json() for name, each in self._operations.items()}))
        fresh.replace(self._folder / self._own)

    def _total(self) -> dict[str, Counts]:
        total: dict[str, Counts] = {}
        own = {name: each.as_json() for name, each in self._operations.items()}
        for counts in (own, *self._siblings()):
            for name, each in counts.items():
                total.setdefault(name, Counts()).add(each)
        return total

    def _siblings(self) -> Iterator[dict[str, Any]]:
        if self._folder is not None:
            for path in sorted(self._folder.glob("[0-9]*.json")):
                if path.name != self._own:
                    yield orjson.loads(path.read_bytes())

    def text(self) -> bytes:
        """Return all counts in the text format of Prometheus."""
        from extenddb.server.http.exposition import text  # a start without a scrape does not pay for the library

        return text(self._total(), self.in_flight())
