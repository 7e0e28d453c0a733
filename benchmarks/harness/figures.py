"""Reading a result: one flat line for each measured level, with its multiples of the floors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.scenarios import BY_NAME

CLIENT_BOUND = 0.85
"""Share of a core from which on the load generator, not the server, may be what is measured."""
Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One level of one scenario against one target."""

    target: str
    scenario: str
    about: str
    clients: int
    rate: float
    status: str
    error: str = ""
    ops: float = 0.0
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    server_us: float | None = None
    database_us: float | None = None
    http_multiple: float | None = None
    database_multiple: float | None = None
    client_share: float = 0.0
    errors: int = 0
    recall: float | None = None
    """Share of the true neighbours that a search of vectors finds."""

    @property
    def key(self) -> tuple[str, int, float]:
        """What two results are matched by."""
        return (self.scenario, self.clients, self.rate)

    @property
    def load(self) -> str:
        """How the load is called in a table."""
        return f"{self.rate:g}/s" if self.rate else str(self.clients)


def lines(result: Result) -> Iterator[Line]:
    """Yield every level of a result, floors of HTTP first, and a line without figures for what was not measured."""
    floor = result["floors"].get("http")
    for level in floor["levels"] if floor else ():
        yield _line(result, "http-floor", {"scenario": "http-floor", "about": "HTTP alone, fixed answer"}, level)
    for target in result["targets"]:
        for found in target["results"]:
            for level in found["levels"]:
                yield _line(result, target["name"], found, level)
            if not found["levels"]:
                yield Line(
                    target=target["name"],
                    scenario=found["scenario"],
                    about=found["about"],
                    clients=0,
                    rate=0.0,
                    status=found["status"],
                    error=found.get("error", ""),
                )


def _line(result: Result, target: str, found: Result, level: Result) -> Line:
    ms = level["ms"]
    return Line(
        target=target,
        scenario=found["scenario"],
        about=found["about"],
        clients=level["clients"],
        rate=level["rate"],
        status="measured",
        ops=level["ops"],
        p50=ms.get("p50"),
        p90=ms.get("p90"),
        p99=ms.get("p99"),
        server_us=level["server_us"],
        database_us=level["database_us"],
        http_multiple=_multiple(level["server_us"], _http_us(result, level["clients"])),
        database_multiple=_multiple(level["database_us"], _database_us(result, found["scenario"])),
        client_share=level["client_share"],
        errors=sum(level["errors"].values()),
        recall=found.get("recall"),
    )


def _multiple(value: float | None, floor: float | None) -> float | None:
    return round(value / floor, 2) if value and floor else None


def _http_us(result: Result, clients: int) -> float | None:
    """Return the floor's CPU at the same number of clients, or at any."""
    levels = (result["floors"].get("http") or {"levels": []})["levels"]
    matching = [level for level in levels if level["clients"] == clients] or levels
    return matching[0]["server_us"] if matching else None


def _database_us(result: Result, name: str) -> float | None:
    """Return the CPU of PostgreSQL for the rows of one request, sent gathered."""
    scenario = BY_NAME.get(name)
    sets = (result["floors"].get("database") or {}).get("sets")
    if scenario is None or not scenario.floor or not sets:
        return None
    us: float = sets[scenario.floor]["database_us"]
    return us * scenario.units
