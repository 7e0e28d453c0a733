"""What a connection is doing, and how long it may. Pure.

A connection is looked at from time to time; nothing is noted when a request comes or goes. Time is counted in looks,
not read from a clock: when the process was held up, so was its reading of what clients sent, and that is not their
fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

SLOWEST = 16 * 1024
"""Bytes of a body in a second, on the average, that keep a request alive."""


class Phase(Enum):
    """What a connection is doing; the values are labels of a counter."""

    SILENT = "silent"
    """Nothing was ever sent."""
    IDLE = "idle"
    """Between two requests, and none was authenticated."""
    KEPT = "kept"
    """Between two requests of a client that was authenticated."""
    HEAD = "head"
    """A head has begun."""
    BODY = "body"
    """A body is incomplete."""
    SENDING = "sending"
    """The client reads its answer more slowly than it was made."""
    CLOSING = "closing"
    """The rest of the last answer is being sent."""
    WORKING = "working"
    """A complete request is being answered: its deadline is not a matter of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Longest times of the phases, seconds."""

    stall: float = 20.0
    """For a TLS handshake, a first request, a head; and for a part of a body or an answer to go on."""
    idle: float = 75.0
    """Between requests of a client that was never authenticated."""
    kept: float = 3630.0
    """Between requests of a client that was authenticated: longer than any client's pool keeps a connection."""

    def longest(self) -> Mapping[Phase, float]:
        """Return how long a phase may go on without progress."""
        brief = dict.fromkeys((Phase.SILENT, Phase.HEAD, Phase.BODY, Phase.SENDING, Phase.CLOSING), self.stall)
        return brief | {Phase.IDLE: self.idle, Phase.KEPT: self.kept, Phase.WORKING: float("inf")}


class Watch:
    """The looks at one connection."""

    __slots__ = ("_phase", "_progress", "_request", "_since_begin", "_since_progress")

    def __init__(self) -> None:
        self._phase = Phase.WORKING
        self._request = -1
        self._progress = 0
        self._since_begin = 0.0
        self._since_progress = 0.0

    def look(self, phase: Phase, request: int, progress: int, elapsed: float, longest: Mapping[Phase, float]) -> bool:
        """Take what is seen now, and tell whether it lasts too long.

        `request` is the number of requests so far, `progress` grows or shrinks when the phase gets on (bytes), and
        `elapsed` are the seconds since the last look.
        """
        if phase is not self._phase or request != self._request:
            self._phase, self._request, self._progress = phase, request, progress
            self._since_begin = self._since_progress = 0.0
            return False
        self._since_begin += elapsed
        self._since_progress += elapsed
        if progress != self._progress:
            self._progress = progress
            self._since_progress = 0.0
        if self._since_progress >= longest[phase]:
            return True
        return phase is Phase.BODY and self._since_begin > longest[phase] + progress / SLOWEST
