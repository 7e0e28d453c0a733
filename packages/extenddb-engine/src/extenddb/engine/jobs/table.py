"""Every type of job and every chore there is."""

from __future__ import annotations

from collections.abc import Mapping

from extenddb.engine.context import Context
from extenddb.engine.jobs.backfill import backfill
from extenddb.engine.jobs.runner import Chore, Step
from extenddb.engine.jobs.streams import tend_streams
from extenddb.engine.jobs.tokens import purge_tokens
from extenddb.engine.jobs.ttl import sweep

STEPS: Mapping[str, Step] = {
    "backfill": backfill,
}
"""The step of each type of job."""

_STREAM_PAUSE = 30.0


def _stream_pause(context: Context) -> float:
    """Return the pause between two rounds of stream care: short where shards or records are short-lived (tests)."""
    settings = context.settings
    return min(_STREAM_PAUSE, settings.shard_seconds / 4, settings.retention_seconds / 4)


CHORES: tuple[Chore, ...] = (
    Chore(name="streams", seconds=_stream_pause, run=tend_streams),
    Chore(name="tokens", seconds=lambda _context: 60.0, run=purge_tokens),
    Chore(name="ttl", seconds=lambda context: context.settings.ttl_seconds, run=sweep),
)
"""Chores in the order they are done."""
