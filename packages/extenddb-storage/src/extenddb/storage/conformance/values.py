"""Short ways to write the values of the contract in tests."""

from __future__ import annotations

from hashlib import sha256

from extenddb.storage.model import (
    Change,
    Decide,
    Decision,
    Delete,
    Entry,
    IndexChange,
    Keep,
    Key,
    Mutation,
    Put,
    Reject,
    Row,
    Space,
)

DIGEST = 24
"""Bytes of a partition digest."""


def partition(number: int) -> bytes:
    """Return a digest; digests of different numbers stand in no particular order."""
    return sha256(b"%d" % number).digest()[:DIGEST]


def key(number: int, sort: bytes = b"") -> Key:
    """Return the key of a row."""
    return Key(partition(number), sort)


def put(
    space: Space,
    where: Key,
    item: bytes = b"{}",
    *,
    size: int | None = None,
    indexes: tuple[IndexChange, ...] = (),
    changes: tuple[Change, ...] = (),
    answer: object = None,
) -> Mutation:
    """Return a mutation that writes an item whatever was there."""
    decision = Put(item, len(item) if size is None else size, indexes, changes, answer)
    return Mutation(space, where, lambda old: decision)


def delete(
    space: Space, where: Key, *, indexes: tuple[IndexChange, ...] = (), changes: tuple[Change, ...] = ()
) -> Mutation:
    """Return a mutation that removes the row if there is one."""
    return Mutation(space, where, lambda old: Keep() if old is None else Delete(indexes, changes))


def keep(space: Space, where: Key, *, indexes: tuple[IndexChange, ...] = (), answer: object = None) -> Mutation:
    """Return a mutation that leaves the row."""
    return Mutation(space, where, lambda old: Keep(indexes, answer))


def reject(space: Space, where: Key, answer: object = None) -> Mutation:
    """Return a mutation that refuses."""
    return Mutation(space, where, lambda old: Reject(answer))


def create_only(space: Space, where: Key, item: bytes = b"{}") -> Mutation:
    """Return a mutation that writes an item only where there is none."""
    return Mutation(space, where, lambda old: Put(item, len(item)) if old is None else Reject())


def blind_put(space: Space, where: Key, item: bytes) -> Mutation:
    """Return a blind mutation that writes an item."""
    return Mutation(space, where, lambda old: Put(item, len(item)), blind=True)


def blind_delete(space: Space, where: Key) -> Mutation:
    """Return a blind mutation that removes a row."""
    return Mutation(space, where, lambda old: Delete(), blind=True)


def append(space: Space, where: Key, letter: bytes, *, stream: str | None = None) -> Mutation:
    """Return a mutation that adds to the item what was given, and tells a stream the whole."""

    def decide(old: Row | None) -> Decision:
        item = (old.item if old else b"") + letter
        return Put(item, len(item), (), () if stream is None else (Change(stream, 1, item),))

    return Mutation(space, where, decide)


def looking(space: Space, where: Key, seen: list[Row | None], then: Decide) -> Mutation:
    """Return a mutation that notes what it saw; only the last call counts, as the contract says."""

    def decide(old: Row | None) -> Decision:
        seen[:] = [old]
        return then(old)

    return Mutation(space, where, decide)


def added(index: str, where: Key, size: int | None = None) -> tuple[IndexChange, ...]:
    """Return the change that gives a row its first entry in an index."""
    return (IndexChange(index, None, Entry(where, size)),)


def removed(index: str, where: Key, size: int | None = None) -> tuple[IndexChange, ...]:
    """Return the change that takes a row out of an index."""
    return (IndexChange(index, Entry(where, size), None),)


def moved(index: str, old: Key, new: Key) -> tuple[IndexChange, ...]:
    """Return the change that moves a row within an index."""
    return (IndexChange(index, Entry(old), Entry(new)),)
