"""A bar chart of a result as SVG, written by hand: server and database CPU for each request."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from benchmarks.harness.figures import Line, Result, lines

_WIDTH, _LEFT, _RIGHT, _TOP = 900, 300, 150, 60
_ROW, _BAR = 24, 16
_SERVER, _DATABASE, _INK = "#2f6fb0", "#d98c2b", "#222222"
_STYLE = 'font-family="sans-serif" font-size="12"'


def svg(result: Result) -> str:
    """Return the picture: one bar for each operation at the smallest closed loop, main target only."""
    shown = _shown(result)
    widest = max(((line.server_us or 0) + (line.database_us or 0) for line in shown), default=0) or 1
    scale = (_WIDTH - _LEFT - _RIGHT) / widest
    height = _TOP + _ROW * len(shown) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" {_STYLE}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        *_legend(result),
    ]
    for place, line in enumerate(shown):
        parts.extend(_bar(line, _TOP + place * _ROW, scale))
    return "\n".join([*parts, "</svg>", ""])


def _shown(result: Result) -> list[Line]:
    """Return the lines to draw; pages of 1 MB would make every other bar invisible."""
    main = result["targets"][0]["name"] if result["targets"] else ""
    measured = [line for line in lines(result) if line.server_us is not None and not line.rate]
    fewest = min((line.clients for line in measured), default=0)
    chosen = [line for line in measured if line.target in {main, "http-floor"} and line.clients == fewest]
    return [line for line in chosen if "1 MB" not in line.about]


def _legend(result: Result) -> Iterator[str]:
    date = escape(str(result["date"])[:10])
    yield f'<text x="10" y="22" font-size="15" fill="{_INK}">CPU for each request, µs ({date})</text>'
    for x, colour, name in ((_LEFT, _SERVER, "server"), (_LEFT + 90, _DATABASE, "PostgreSQL")):
        yield f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="44" fill="{_INK}">{name}</text>'


def _bar(line: Line, y: int, scale: float) -> Iterator[str]:
    server, database = (line.server_us or 0) * scale, (line.database_us or 0) * scale
    base = y + _BAR - 4
    total = f"{line.server_us or 0:,.0f}" + (f" + {line.database_us:,.0f}" if line.database_us else "")
    yield f'<text x="{_LEFT - 8}" y="{base}" text-anchor="end" fill="{_INK}">{escape(line.about)}</text>'
    yield f'<rect x="{_LEFT}" y="{y}" width="{server:.1f}" height="{_BAR}" fill="{_SERVER}"/>'
    yield f'<rect x="{_LEFT + server:.1f}" y="{y}" width="{database:.1f}" height="{_BAR}" fill="{_DATABASE}"/>'
    yield f'<text x="{_LEFT + server + database + 6:.1f}" y="{base}" fill="{_INK}">{total}</text>'
