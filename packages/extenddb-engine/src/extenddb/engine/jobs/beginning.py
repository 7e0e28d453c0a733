"""Beginning what is put on record, so that a process may die between any two writes.

The job is written first and holds what is to be put on record; its first turn does that, unless the request that wrote
the job already has. What is on record without a job has ended, then, and nothing is left under way for ever.
"""

from __future__ import annotations

import contextlib

from extenddb.engine import codec
from extenddb.engine.backups import records
from extenddb.engine.backups.records import Body, Family
from extenddb.engine.context import Context
from extenddb.engine.jobs.runner import KIND, State, Step, find_job, lease_of, write_job
from extenddb.storage.errors import Conflict

_RECORD = "Record"
"""Member of a job's state until the operation is on record: what to put there."""
_TIME_DIGITS = slice(1, 14)  # of an id: jobs are ordered by the time they were begun at


def job_key(record_key: str) -> str:
    """Return the key of the job of an operation on record."""
    id_, place = records.order(record_key)
    return f"{id_[_TIME_DIGITS]}-{id_}-{place}"


async def begin(context: Context, family: Family, key: str, kind: str, state: State, body: Body) -> tuple[Body, str]:
    """Start the job of an operation and put the operation on record; return the record and the job's key.

    Repeated for the same key, as a request with a token is, it goes on with what was begun first.
    """
    job = job_key(key)
    begun: State | None = {**state, _RECORD: body}
    if not await write_job(context, kind, {**state, _RECORD: body}, job):
        begun = await find_job(context, job)
    if begun is None or _RECORD not in begun:
        return await records.find(context, family, key) or body, job
    await records.create(context, family, key, begun[_RECORD])
    return begun[_RECORD], job


async def begin_at_once(
    context: Context, family: Family, key: str, kind: str, state: State, body: Body, turn: Step
) -> tuple[Body, str]:
    """Begin an operation, and do a turn of its job before this returns and before anybody else may work on it.

    For what has to hold from the request on. If this process dies on the way, the job is gone on with when the lease
    runs out: the turn is done then, of a request that was never answered.
    """
    leases, job = context.backend.leases, job_key(key)
    holder = f"request-{context.ids()}"
    await leases.acquire(lease_of(job), holder, seconds=context.settings.lease_seconds)
    try:
        begun = await begin(context, family, key, kind, state, body)
        written = await context.backend.documents.get(KIND, job)
        following = await turn(context, state)
        if written is not None and following is not None:
            document = codec.dump({"Type": kind, "State": following})
            with contextlib.suppress(Conflict):  # the lease ran out, and another process did the same
                await context.backend.documents.put(KIND, job, document, expected=written.version)
    finally:
        await leases.release(lease_of(job), holder)
    context.wake.set()
    return begun


async def on_record(context: Context, family: Family, state: State) -> State | None:
    """Put a job's operation on record if that is still to be done, and return the state behind; None if it was done."""
    if _RECORD not in state:
        return None
    await records.create(context, family, state["Key"], state[_RECORD])
    return {name: value for name, value in state.items() if name != _RECORD}
