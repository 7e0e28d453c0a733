"""How much memory request bodies may take, and who gets it. Pure.

Half of it is kept for connections on which a request was authenticated, and of the other half no address gets more
than half: who has shown nothing can neither take it all nor keep others from showing something.
"""

from __future__ import annotations

from collections.abc import Callable

FREE = 64 * 1024
"""Bodies up to this size, bytes, are not accounted for once a client has shown who it is."""


class Budget:
    """Memory for large bodies of one process, bytes."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken = 0
        self._unproven: dict[str, int] = {}
        self._unproven_taken = 0

    @property
    def taken(self) -> int:
        """Return how much is taken now, bytes."""
        return self._taken

    def take(self, address: str, amount: int, *, proven: bool) -> bool:
        """Take some memory if there is room for it, and tell whether there was."""
        if self._taken + amount > self._total:
            return False
        if not proven:
            mine = self._unproven.get(address, 0) + amount
            if self._unproven_taken + amount > self._total // 2 or mine > self._total // 4:
                return False
            self._unproven[address] = mine
            self._unproven_taken += amount
        self._taken += amount
        return True

    def give_back(self, address: str, amount: int, *, proven: bool) -> None:
        """Give back memory, as it was taken."""
        self._taken -= amount
        if not proven:
            self._unproven_taken -= amount
            left = self._unproven[address] - amount
            if left:
                self._unproven[address] = left
            else:
                del self._unproven[address]


class Reservation:
    """What one request has taken of a budget. Given back as a whole."""

    __slots__ = ("_address", "_budget", "_taken")

    def __init__(self, budget: Budget, address: str) -> None:
        self._budget = budget
        self._address = address
        self._taken: list[tuple[int, bool]] = []

    def take(self, amount: int, *, proven: bool) -> bool:
        """Take more, and tell whether there was room."""
        if not self._budget.take(self._address, amount, proven=proven):
            return False
        self._taken.append((amount, proven))
        return True

    def end(self) -> None:
        """Give back everything."""
        while self._taken:
            amount, proven = self._taken.pop()
            self._budget.give_back(self._address, amount, proven=proven)


Reserve = Callable[[int], None]
"""Takes memory, bytes, until the request is answered. Raises ServiceError when there is no room."""
