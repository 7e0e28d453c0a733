"""Results as tables that read well in a terminal and in Markdown alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.harness.figures import CLIENT_BOUND, Line, Result, lines

_HEADINGS = (
    "operation",
    "clients",
    "ops/s",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "server µs",
    "PG µs",
    "x http",
    "x db",
    "note",
)


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; the first column to the left, the others to the right."""
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(headings))]

    def joined(row: Sequence[str]) -> str:
        parts = [row[0].ljust(widths[0])]
        parts += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return f"| {' | '.join(parts)} |"

    yield joined(cells[0])
    yield "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    for row in cells[1:]:
        yield joined(row)


def number(value: float | None, digits: int = 1) -> str:
    """Return a figure with thousands apart, or a dash."""
    return "-" if value is None else f"{value:,.{digits}f}"


def _row(line: Line) -> list[str]:
    if line.status != "measured":
        return [line.about, *[""] * (len(_HEADINGS) - 2), f"{line.status}: {line.error}".removesuffix(": ")]
    return [
        line.about,
        line.load,
        number(line.ops, 0),
        *(number(value, 2) for value in (line.p50, line.p90, line.p99)),
        *(number(value, 0) for value in (line.server_us, line.database_us)),
        *(number(value) for value in (line.http_multiple, line.database_multiple)),
        _note(line),
    ]


def _note(line: Line) -> str:
    notes = [f"{line.errors} errors"] if line.errors else []
    if line.recall is not None:
        notes.append(f"recall {line.recall:.2f}")
    if line.client_share >= CLIENT_BOUND:
        notes.append("client-bound")
    return ", ".join(notes)


def text(result: Result) -> Iterator[str]:
    """Yield the whole report of a result."""
    machine, settings = result["machine"], result["settings"]
    yield f"`{result['command']}`"
    yield ""
    yield (
        f"{machine['cores']} cores, Python {machine['python']}, PostgreSQL {machine['postgresql'] or '-'},"
        f" {settings['items']:,} items of about 400 bytes, {settings['seconds']:g} s each"
        + (_about(settings["server"]) if "server" in settings else "")
    )
    by_target: dict[str, list[Line]] = {}
    for line in lines(result):
        by_target.setdefault(line.target, []).append(line)
    for target, found in by_target.items():
        yield ""
        yield f"**{target}**"
        yield ""
        yield from grid(_HEADINGS, [_row(line) for line in found])
    yield from _database(result)
    yield from _process(result)


def _about(server: dict[str, Any]) -> str:
    switches = {"gathering": server["gather"], "TLS": server["tls"], "durability": server["durable"]}
    shown = ", ".join(f"{name} {'on' if state else 'off'}" for name, state in switches.items())
    return f"; backend {server['backend']}, workers: {server['workers']}, SigV4 on, {shown}"


def _database(result: Result) -> Iterator[str]:
    floor = result["floors"].get("database")
    if not floor:
        return
    yield ""
    yield "**db-floor** (statements straight from psycopg, figures for each row)"
    yield ""
    rows = [
        [
            name,
            str(each["connections"]),
            number(each["rows_per_s"], 0),
            number(each["ms"].get("p50"), 2),
            number(each["ms"].get("p99"), 2),
            number(each["database_us"]),
            number(each["client_us"]),
        ]
        for name, each in floor["sets"].items()
    ]
    yield from grid(("statements", "connections", "rows/s", "call p50 ms", "p99 ms", "PG µs", "psycopg µs"), rows)
    bench = result["floors"].get("pgbench")
    if bench:
        yield ""
        yield (
            f"pgbench, {bench['clients']} clients, prepared: {number(bench['select'], 0)} selects/s,"
            f" {number(bench['upsert'], 0)} upserts/s"
        )


def _process(result: Result) -> Iterator[str]:
    starts = result.get("starts")
    if starts:
        yield ""
        yield (
            f"Start to the first answered request: first {starts['first_s']['median']:.2f} s,"
            f" later {starts['later_s']['median']:.2f} s"
        )
    for target in result["targets"]:
        for moment, processes in target.get("memory", {}).items():
            shown = ", ".join(f"{each['role']} {each.get('rss', 0) / 1e6:.0f} MB" for each in processes)
            yield f"Memory of {target['name']}, {moment}: {shown}"
