"""Which connections there are, and which one has to go when there is no room for another. Pure.

A connection is unproven until a request on it is authenticated. When all places are taken, a newcomer gets the place
of the oldest unproven connection of the address that has most of them: silent connections cannot keep anybody out, and
whoever opens many displaces only himself. Some places are never filled by proven connections, so that health checks
and new clients come in however many clients are served.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

_LOOKED_AT = 16
"""Connections of one address that are looked at for one that may go."""


class Member(Protocol):
    """A connection, as far as the crowd knows it."""

    address: str
    """Whom it counts for."""

    @property
    def busy(self) -> bool:
        """Tell whether a request of an authenticated client is being answered: it is let finish."""

    def leave(self) -> None:
        """Hang up at once."""


class Crowd:
    """All connections of one process."""

    def __init__(self, places: int, open_places: int) -> None:
        self._most = self._places = places
        self._open_places = open_places
        self._unproven: dict[str, dict[Member, None]] = {}
        self._unproven_count = 0
        self._proven: dict[Member, None] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return self._unproven_count + len(self._proven)

    def __iter__(self) -> Iterator[Member]:
        """Yield all, for a caller that lets some of them leave meanwhile."""
        yield from list(self._proven)
        for members in list(self._unproven.values()):
            yield from list(members)

    @property
    def unproven(self) -> int:
        """Return how many have shown nothing."""
        return self._unproven_count

    @property
    def full(self) -> bool:
        """Tell whether all places are taken."""
        return len(self) >= self._places

    def add(self, member: Member) -> None:
        """Add a newcomer."""
        self._unproven.setdefault(member.address, {})[member] = None
        self._unproven_count += 1

    def prove(self, member: Member) -> None:
        """Keep one among the proven from now on, if they have a place left."""
        if len(self._proven) < self._places - self._open_places and self._remove_unproven(member):
            self._proven[member] = None

    def remove(self, member: Member) -> None:
        """Forget one that left; one that is not known is none."""
        if member in self._proven:
            del self._proven[member]
        else:
            self._remove_unproven(member)

    def _remove_unproven(self, member: Member) -> bool:
        members = self._unproven.get(member.address, {})
        if member not in members:
            return False
        del members[member]
        self._unproven_count -= 1
        if not members:
            del self._unproven[member.address]
        return True

    def shrink(self, places: int) -> None:
        """Offer fewer places than there are taken, for there are not as many descriptors as was thought."""
        self._places = max(1, len(self) - places)
        for _ in range(places):
            self.make_room()

    def grow(self) -> None:
        """Offer one place more, up to the number that was set: descriptors may be free again."""
        self._places = min(self._most, self._places + 1)

    def make_room(self) -> bool:
        """Let the one leave whose place a newcomer may have; False when nobody has to go."""
        if not self._unproven:
            return False
        address = max(self._unproven, key=lambda each: len(self._unproven[each]))
        for member in islice(self._unproven[address], _LOOKED_AT):
            if not member.busy:
                self._remove_unproven(member)
                member.leave()
                return True
        return False
