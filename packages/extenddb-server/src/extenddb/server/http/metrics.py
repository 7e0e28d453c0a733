"""Counting requests and events, and showing the counts in the text format of Prometheus.

A request costs a few additions on plain lists. Processes that share a port each write their counts to a folder of
the supervisor's, and whoever is asked adds them up; counts of processes that ended stay, so that sums never fall.
Gauges are added up over the processes that live.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, seconds."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its sentence, and the name of its label; a metric without label has an empty one."""

    help: str
    label: str = ""


EVENTS: Mapping[str, Family] = {
    "connections_refused": Family("Connections closed by the server before their time.", "reason"),
    "deadlines": Family("Connections closed because a part of a request or answer took too long.", "phase"),
    "requests_refused": Family("Requests refused before they were authenticated or parsed.", "reason"),
}
"""Counters of what happens beside answered requests: `Metrics.count` takes these names and no others."""
GAUGES: Mapping[str, Family] = {
    "connections": Family("Open connections of all processes.", "proof"),
    "body_bytes": Family("Memory reserved for large request bodies in all processes."),
}
"""Figures that rise and fall: `Metrics.gauges` takes these names and no others."""
Labelled = dict[str, float]
"""Figures of one family by label."""


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


@dataclass(slots=True)
class Totals:
    """Everything that a scrape shows."""

    operations: dict[str, Counts]
    events: dict[str, Labelled]
    gauges: dict[str, Labelled]
    in_flight: int


class Metrics:
    """The counts of this process, and through `folder` those of its siblings."""

    def __init__(self, folder: Path | None = None) -> None:
        self._operations: dict[str, Counts] = {}
        self._events: dict[str, Labelled] = {name: {} for name in EVENTS}
        self._folder = folder
        self._own = f"{os.getpid()}.json"
        self.in_flight: Callable[[], int] = lambda: 0
        """Tells how many requests this process is answering."""
        self.gauges: dict[str, Callable[[], Labelled]] = {}
        """Tell the figures of GAUGES for this process, by label."""

    def record(self, operation: str, error: str, seconds: float) -> None:
        """Count one answered request; `operation` and `error` are names from closed sets, or empty."""
        counts = self._operations.get(operation)
        if counts is None:
            counts = self._operations[operation] = Counts()
        counts.buckets[bisect_left(BOUNDS, seconds)] += 1
        counts.seconds += seconds
        if error:
            counts.errors[error] = counts.errors.get(error, 0) + 1

    def count(self, event: str, label: str = "", amount: int = 1) -> None:
        """Count an event of EVENTS; `label` is from a closed set, never text of a client."""
        family = self._events[event]
        family[label] = family.get(label, 0) + amount

    def _as_json(self) -> dict[str, Any]:
        return {
            "operations": {name: each.as_json() for name, each in self._operations.items()},
            "events": self._events,
            "gauges": {name: read() for name, read in self.gauges.items()},
        }

    def publish(self) -> None:
        """Let the siblings see the counts of this process."""
        if self._folder is None:
            return
        fresh = self._folder / f".{self._own}"
        fresh.write_bytes(orjson.dumps(self._as_json()))
        fresh.replace(self._folder / self._own)

    def _totals(self) -> Totals:
        totals = Totals({}, {name: {} for name in EVENTS}, {name: {} for name in self.gauges}, self.in_flight())
        for counts in (self._as_json(), *self._siblings()):
            for name, each in counts["operations"].items():
                totals.operations.setdefault(name, Counts()).add(each)
            for kind, mine in (("events", totals.events), ("gauges", totals.gauges)):
                for name, labelled in counts[kind].items():
                    _add(mine.setdefault(name, {}), labelled)
        return totals

    def _siblings(self) -> Iterator[dict[str, Any]]:
        if self._folder is None:
            return
        for path in sorted(self._folder.glob("[0-9]*.json")):
            if path.name == self._own:
                continue
            counts = orjson.loads(path.read_bytes())
            if not _lives(int(path.stem)):
                counts["gauges"] = {}
            yield counts

    def text(self) -> bytes:
        """Return all counts in the text format of Prometheus."""
        from extenddb.server.http.exposition import text  # a start without a scrape does not pay for the library

        return text(self._totals())


def _add(mine: Labelled, others: Mapping[str, float]) -> None:
    for label, figure in others.items():
        mine[label] = mine.get(label, 0) + figure


def _lives(process: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
