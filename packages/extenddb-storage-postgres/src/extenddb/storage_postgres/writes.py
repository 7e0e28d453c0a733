"""Writing items: the two rounds of `mutate` and `transact`.

Round one locks and reads every row there is, in key order; the decisions are taken in between; round two writes and
commits. Rows that are absent cannot be locked: writing them inserts without a conflict clause, so a key that was taken
meanwhile fails the round, and the whole batch is decided again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from extenddb.core.types.keys import Key
from extenddb.storage.errors import SerializationFailure
from extenddb.storage.model import Decision, Delete, Mutation, Row, Space
from extenddb.storage_postgres.arrays import key_arrays
from extenddb.storage_postgres.plan import Plan
from extenddb.storage_postgres.pool import Pool
from extenddb.storage_postgres.reads import rows_of
from extenddb.storage_postgres.statements import statements
from extenddb.storage_postgres.wire import Call, Session, Statement

_ATTEMPTS = 8
"""How often a batch is decided before its caller is told; each failure means that another one got through."""

_GIVE_WAY = Statement("SELECT set_config('lock_timeout', '20', true)")
"""A blind batch writes rows while it still waits for others, so it can close a ring with whoever locked the one and
inserts the other: it waits for milliseconds, and then takes the way of two rounds, in which nobody waits in a ring."""


async def mutate(pool: Pool, mutations: Sequence[Mutation]) -> list[Decision]:
    """See `spi.Items.mutate`."""
    if not mutations:
        return []
    if all(mutation.blind for mutation in mutations):
        plan = Plan()
        plan.decide(mutations, _Nothing())
        if not _mixed(mutations, plan):
            try:
                return await pool.run(lambda session: _blind(session, plan))
            except SerializationFailure:
                pass  # it gave way: wait with the locks in order
    return await _repeated(pool, lambda session: _decide(session, mutations, whole=False))


async def transact(pool: Pool, mutations: Sequence[Mutation]) -> list[Decision]:
    """See `spi.Items.transact`."""
    if not mutations:
        return []
    return await _repeated(pool, lambda session: _decide(session, mutations, whole=True))


async def _repeated(pool: Pool, attempt: Callable[[Session], Awaitable[list[Decision]]]) -> list[Decision]:
    for _ in range(_ATTEMPTS - 1):
        try:
            return await pool.run(attempt)
        except SerializationFailure as error:
            if _waited(error):
                raise
    return await pool.run(attempt)


def _waited(error: SerializationFailure) -> bool:
    """Return whether time for a lock ran out; waiting again would only make a caller wait longer."""
    return getattr(error.__cause__, "sqlstate", None) == "55P03"


class _Nothing(dict[Space, dict[Key, Row]]):
    """No rows of any space."""

    def __missing__(self, space: Space) -> dict[Key, Row]:
        return {}


def _mixed(mutations: Sequence[Mutation], plan: Plan) -> bool:
    """Return whether puts and deletes meet: two statements take locks in two orders, so they are locked first."""
    deletes = {(mutation.space, isinstance(d, Delete)) for mutation, d in zip(mutations, plan.decisions, strict=True)}
    return len(deletes) != len({space for space, _ in deletes})


async def _blind(session: Session, plan: Plan) -> list[Decision]:
    calls = plan.calls(hold=False, blind=True)
    if len(plan.decisions) > 1:
        calls.insert(0, _GIVE_WAY())
    await session.run(calls)
    return plan.decisions


async def _decide(session: Session, mutations: Sequence[Mutation], *, whole: bool) -> list[Decision]:
    plan = Plan()
    try:
        plan.decide(mutations, await _lock(session, mutations))
    except Exception:
        await session.rollback()
        raise
    calls = [] if whole and plan.rejected else plan.calls(hold=whole)
    if calls:
        await session.run(calls)
    else:
        await session.rollback()
    return plan.decisions


async def _lock(session: Session, mutations: Sequence[Mutation]) -> dict[Space, dict[Key, Row]]:
    groups: dict[Space, dict[Key, None]] = {}
    for mutation in mutations:
        groups.setdefault(mutation.space, {})[mutation.key] = None
    spaces = sorted(groups, key=lambda space: (space.id, space.epoch))
    calls: list[Call] = [statements(space).lock(*key_arrays(sorted(groups[space]))) for space in spaces]
    results = await session.begin(calls)
    return {space: {row.key: row for row in rows_of(result)} for space, result in zip(spaces, results, strict=True)}
