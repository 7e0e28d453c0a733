"""What one process gives to those it does not know yet: descriptors, memory, and time."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

from extenddb.server.http.watch import Deadlines

_MOST_CONNECTIONS = 10_000
"""Without another setting: each costs some 50 kB when it was used."""
_KEPT_DESCRIPTORS = 128
"""For the store, for files, for logs."""
_OPEN_SHARE = 16
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one process."""

    connections: int = 1000
    """Most connections."""
    body_bytes: int = 256 * _MEGABYTE
    """Most memory for large request bodies that are being read, unpacked or parsed."""
    deadlines: Deadlines = field(default_factory=Deadlines)

    @property
    def open_places(self) -> int:
        """Return how many places are kept for connections that have shown nothing yet."""
        return max(1, min(64, self.connections // _OPEN_SHARE))


def connections(wanted: int = 0) -> int:
    """Raise the limit of descriptors as far as it goes, and return how many connections fit below it.

    `wanted` is the number that is set; 0 takes as many as are sensible.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        soft = _raised(soft, hard, (wanted or _MOST_CONNECTIONS) + _KEPT_DESCRIPTORS)
    most = wanted or _MOST_CONNECTIONS
    if soft == resource.RLIM_INFINITY:
        return most
    return max(1, min(most, soft - min(_KEPT_DESCRIPTORS, soft // 4)))


def _raised(soft: int, hard: int, wanted: int) -> int:
    target = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if target <= soft:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    except (OSError, ValueError):  # some systems have a lower limit that they do not tell
        return soft
    return target
