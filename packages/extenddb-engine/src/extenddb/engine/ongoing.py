"""The transactions this process is carrying out: the items they change or check, and their tokens.

DynamoDB does not let rivals wait: a single write that meets an item of a transaction under way is refused, and so is
a transaction of either kind. The store's locks alone would let them wait, which stays so between processes: there the
second is applied after the first. Nothing here guards data; whoever is let through still meets the store's locks.

Source: "Transaction conflict handling in DynamoDB", developer guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from extenddb.core.errors import TRANSACTION_CONFLICT, TRANSACTION_IN_PROGRESS, ServiceError
from extenddb.storage.model import Key, Space

ONGOING: Final = "Transaction is ongoing for the item"
IN_PROGRESS: Final = "Transaction from previous request is still in progress"

Place: TypeAlias = tuple[str, Key]
"""One item of the store: the identity of its space, and its key."""


def conflict() -> ServiceError:
    """Return the error of one write or action whose item a transaction holds."""
    return ServiceError(TRANSACTION_CONFLICT, ONGOING)


class Ongoing:
    """What the transactions under way hold. One event loop."""

    __slots__ = ("_items", "_tokens")

    def __init__(self) -> None:
        """Begin with no transaction."""
        self._items: set[Place] = set()
        self._tokens: set[str] = set()

    def require_free(self, space: Space, key: Key) -> None:
        """Raise TransactionConflictException for an item of a transaction under way."""
        if self._items and (space.id, key) in self._items:
            raise conflict()

    def conflicts(self, places: Sequence[Place]) -> list[ServiceError | None]:
        """Return for each item the error of meeting a transaction under way, None for those that do not."""
        return [conflict() if place in self._items else None for place in places]

    @contextmanager
    def holding(self, places: Sequence[Place]) -> Iterator[None]:
        """Hold items, which no transaction may hold already, for as long as the context lasts."""
        self._items.update(places)
        try:
            yield
        finally:
            self._items.difference_update(places)

    @contextmanager
    def using(self, token: str | None) -> Iterator[None]:
        """Use a client's token; raises TransactionInProgressException when a request under way uses it."""
        if token is None:
            yield
            return
        if token in self._tokens:
            raise ServiceError(TRANSACTION_IN_PROGRESS, IN_PROGRESS)
        self._tokens.add(token)
        try:
            yield
        finally:
            self._tokens.discard(token)
