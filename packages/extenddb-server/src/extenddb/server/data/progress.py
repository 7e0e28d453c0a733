"""What a command tells while it works: a line on a terminal, JSON lines, or plain lines now and then."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import orjson

from extenddb.server.data.client import gather_quietly
from extenddb.server.data.pacing import Time

Style = Literal["terminal", "json", "plain", "quiet"]
_EVERY: dict[Style, float] = {"terminal": 0.2, "json": 1.0, "plain": 10.0}
_BAR = 24
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a command is. One thread changes it."""

    phase: str
    """What is being done: copy, follow, export, import."""
    started: float
    """On the steady clock."""
    total: int | None = None
    """Items to be expected; None if unknown. The service's own count is hours old."""
    items: int = 0
    bytes: int = 0
    """Bytes of JSON moved."""
    resumed: int = 0
    """Items that an earlier run moved; they count for the bar, not for the rate."""
    applied: int = 0
    """Stream records applied."""
    lag: Callable[[], tuple[float, int]] | None = None
    """Tells how many seconds and how many read records the target is behind."""

    def facts(self, now: float) -> dict[str, Any]:
        """Return what there is to tell; `now` is on the steady clock."""
        facts: dict[str, Any] = {"phase": self.phase}
        if self.lag is not None:
            seconds, records = self.lag()
            return facts | {"applied": self.applied, "lag_seconds": round(seconds, 1), "records_behind": records}
        rate = (self.items - self.resumed) / max(now - self.started, 0.001)
        facts |= {"items": self.items, "bytes": self.bytes, "items_per_second": round(rate, 1)}
        if self.total is not None:
            facts["total"] = self.total
            facts["eta_seconds"] = round(max(self.total - self.items, 0) / rate) if rate > 0 else None
        return facts


def line(facts: dict[str, Any]) -> str:
    """Return the facts as a line for people."""
    if "lag_seconds" in facts:
        return (
            f"{facts['phase']}: {facts['applied']:,} changes applied, {facts['lag_seconds']:g} s behind,"
            f" {facts['records_behind']:,} read and waiting"
        )
    text = f"{facts['items']:,} items, {size(facts['bytes'])}, {facts['items_per_second']:,.0f}/s"
    total = facts.get("total")
    if not total:
        return f"{facts['phase']}: {text}"
    share = min(facts["items"] / total, 1.0)
    bar = "#" * round(share * _BAR)
    left = "" if facts["eta_seconds"] is None else f", {duration(facts['eta_seconds'])} left"
    return f"{facts['phase']}: [{bar:-<{_BAR}}] {share:4.0%} {text}{left}"


def size(count: float) -> str:
    """Return a number of bytes in units of a thousand."""
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count /= 1000
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


def duration(seconds: int) -> str:
    """Return seconds as hours, minutes and seconds."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Reporter:
    """Writes progress and results."""

    def __init__(self, style: Style, times: Time, out: TextIO | None = None) -> None:
        self._style = style
        self._times = times
        self._out = out or sys.stdout
        self._width = 0

    def tell(self, event: str, text: str, **facts: Any) -> None:
        """Say that something happened: the text for people, the facts for programs."""
        if self._style == "json":
            self._write(orjson.dumps({"event": event, **facts}).decode() + "\n")
        elif self._style != "quiet":
            self._clear()
            self._write(f"{text}\n")

    def show(self, progress: Progress) -> None:
        """Tell the progress now."""
        facts = progress.facts(self._times.steady())
        if self._style == "json":
            self.tell("progress", "", **facts)
        elif self._style == "terminal":
            text = line(facts)
            self._write(f"\r{text:<{self._width}}")
            self._width = len(text)
        elif self._style == "plain":
            self._write(f"{line(facts)}\n")

    @contextlib.asynccontextmanager
    async def showing(self, progress: Progress) -> AsyncIterator[None]:
        """Tell the progress regularly as long as the context lasts, and once at its end."""
        task = asyncio.create_task(self._show_forever(progress))
        try:
            yield
        finally:
            await gather_quietly(task)
            self.show(progress)
            self._clear()

    async def _show_forever(self, progress: Progress) -> None:
        every = _EVERY.get(self._style)
        while every is not None:
            await self._times.sleep(every)
            self.show(progress)

    def _clear(self) -> None:
        if self._width:
            self._write("\n")
            self._width = 0

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
