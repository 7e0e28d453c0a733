"""Progress that is written in the store's transaction that does the work: both are there, or neither.

Without it a process that dies between the work and its note leaves work that another does again. That does no harm
where nobody else writes; in a table that users change meanwhile it would put back what they have changed.

An operation's row is kept when it has ended, until the operation is forgotten: a process that was thought dead finds it
and stops.
"""

from __future__ import annotations

from typing import Any

from extenddb.core.types import keys as key_bytes
from extenddb.core.types.keys import Key
from extenddb.engine import codec, system
from extenddb.engine.context import Context
from extenddb.engine.system import PROGRESS
from extenddb.storage.errors import SchemaMismatch
from extenddb.storage.model import Decision, Delete, Keep, Mutation, Put, Row

State = dict[str, Any]

NUMBER = "Number"
"""Member of a state that grows with every piece of work."""


class Overtaken(Exception):
    """Another process has done this piece of work, or more."""


async def latest(context: Context, operation: str, state: State) -> State:
    """Return the state of whoever came further: what the store has of an operation, or what its job has noted."""
    try:
        row = await context.items.get(PROGRESS, _key(operation))
    except SchemaMismatch:  # the first operation ever
        await system.prepare(context.backend.catalog, PROGRESS)
        row = None
    found: State | None = codec.parse(row.item) if row is not None else None
    return found if found is not None and found[NUMBER] > state[NUMBER] else state


def reached(operation: str, state: State) -> Mutation:
    """Return the mutation that writes a state beside the work that leads to it.

    Its `decide` raises Overtaken, with which nothing of the call is applied.
    """
    body = codec.dump(state)

    def decide(row: Row | None) -> Decision:
        if row is not None and codec.parse(row.item)[NUMBER] >= state[NUMBER]:
            raise Overtaken(operation)
        return Put(body, len(body))

    return Mutation(PROGRESS, _key(operation), decide)


async def forget(context: Context, operation: str) -> None:
    """Remove what the store has of an operation."""
    try:
        await context.items.mutate(Mutation(PROGRESS, _key(operation), _gone))
    except SchemaMismatch:
        return  # no operation ever had progress


def _gone(row: Row | None) -> Decision:
    return Keep() if row is None else Delete()


def _key(operation: str) -> Key:
    return Key(key_bytes.digest(operation.encode()), b"")
