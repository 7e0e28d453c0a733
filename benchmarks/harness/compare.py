"""Two results, or two targets of one result, as ratios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.harness.figures import Line, Result, lines
from benchmarks.harness.table import grid

_HEADINGS = ("operation", "clients", "ops/s", "p50", "p90", "p99", "server CPU", "PG CPU")


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How the second side stands to the first; None where either is unknown."""

    target: str
    about: str
    load: str
    ops: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    server: float | None
    database: float | None


def _over(first: float | None, second: float | None) -> float | None:
    return round(second / first, 3) if first and second else None


def _ratio(first: Line, second: Line) -> Ratio:
    return Ratio(
        target=second.target,
        about=second.about,
        load=second.load,
        ops=_over(first.ops, second.ops),
        p50=_over(first.p50, second.p50),
        p90=_over(first.p90, second.p90),
        p99=_over(first.p99, second.p99),
        server=_over(first.server_us, second.server_us),
        database=_over(first.database_us, second.database_us),
    )


def results(first: Result, second: Result) -> list[Ratio]:
    """Return the ratios of what both results measured, matched by target, scenario and load."""
    known = {(line.target, *line.key): line for line in lines(first) if line.status == "measured"}
    pairs = [(known.get((line.target, *line.key)), line) for line in lines(second) if line.status == "measured"]
    return [_ratio(before, after) for before, after in pairs if before is not None]


def targets(result: Result) -> list[Ratio]:
    """Return how every other target of a run stands to its first."""
    if not result["targets"]:
        return []
    main = result["targets"][0]["name"]
    measured = [line for line in lines(result) if line.status == "measured"]
    known = {line.key: line for line in measured if line.target == main}
    others = [line for line in measured if line.target not in {main, "http-floor"} and line.key in known]
    return [_ratio(known[line.key], line) for line in others]


def text(ratios: list[Ratio]) -> Iterator[str]:
    """Yield a table for each target. Below 1 is less: good for times and CPU, bad for ops/s."""
    for target in dict.fromkeys(ratio.target for ratio in ratios):
        yield ""
        yield f"**{target}**"
        yield ""
        rows = [_row(ratio) for ratio in ratios if ratio.target == target]
        yield from grid(_HEADINGS, rows)


def _row(ratio: Ratio) -> list[str]:
    values = (ratio.ops, ratio.p50, ratio.p90, ratio.p99, ratio.server, ratio.database)
    return [ratio.about, ratio.load, *("-" if value is None else f"{value:.2f}x" for value in values)]
