"""Which shards of a stream may be read, and what was missed. Pure.

A key's changes stand in one line of shards, each the child of the one before; so a child is read only when its
parent has been read to its end. A shard's state is kept in checkpoints as it is: `after` (last sequence number
applied, or None), `done`, and `seen` (everything up to this time is applied, in seconds on the source's clock).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extenddb.server.data.errors import DataError

Shard = Mapping[str, Any]
"""A shard as DescribeStream tells it."""
State = dict[str, Any]
"""How far one shard is."""
States = dict[str, State]
"""States by shard id."""
KEPT_SECONDS = 24 * 3600 - 300
"""How long a stream surely keeps its records: a day, less what clocks and schedules may differ."""


def first_states(shards: Sequence[Shard], now: float) -> States:
    """Return the states at the moment from which on changes count: what is closed by then is not read."""
    return {shard["ShardId"]: _state(now, done=is_closed(shard)) for shard in shards}


def is_closed(shard: Shard) -> bool:
    """Tell whether a shard gets no further records."""
    return "EndingSequenceNumber" in shard["SequenceNumberRange"]


def _state(seen: float, *, done: bool = False) -> State:
    return {"after": None, "done": done, "seen": seen}


def discover(states: States, shards: Sequence[Shard], now: float) -> None:
    """Add the shards that are new and drop those that nobody needs any more. Raises DataError for a missing one."""
    present = {shard["ShardId"] for shard in shards}
    for name, state in states.items():
        if name not in present and not state["done"]:
            raise missed()
    for shard in _parents_first(shards):
        name, parent = shard["ShardId"], shard.get("ParentShardId")
        if name in states:
            continue
        if parent is not None and parent not in states:
            raise missed()
        states[name] = _state(now if parent is None else states[parent]["seen"])
    parents = {shard.get("ParentShardId") for shard in shards}
    for name in [name for name in states if name not in present and name not in parents]:
        del states[name]


def _parents_first(shards: Sequence[Shard]) -> Iterable[Shard]:
    """Return the shards so that a parent comes before its children."""
    waiting = {shard["ShardId"]: shard for shard in shards}
    while waiting:
        heads = [shard for shard in waiting.values() if shard.get("ParentShardId") not in waiting]
        for shard in heads:
            del waiting[shard["ShardId"]]
            yield shard
        if not heads:  # parents in a circle: no stream has this
            yield from waiting.values()
            return


def ready(states: States, shards: Sequence[Shard]) -> list[str]:
    """Return the ids of the shards that may be read now."""
    return [
        shard["ShardId"]
        for shard in shards
        if not states[shard["ShardId"]]["done"] and _is_over(states, shard.get("ParentShardId"))
    ]


def _is_over(states: States, parent: str | None) -> bool:
    return parent is None or parent not in states or bool(states[parent]["done"])


def is_kept(seen: float, now: float) -> bool:
    """Tell whether the stream surely still keeps what came after a time."""
    return now - seen < KEPT_SECONDS


def missed() -> DataError:
    """Return the failure when changes were trimmed before they were read."""
    return DataError(
        "The stream no longer holds all changes since the last run (it keeps them for 24 hours):"
        " remove the checkpoint and copy the table anew into an empty one."
    )
