"""Every type of job and every chore there is."""

from __future__ import annotations

from collections.abc import Mapping

from extenddb.engine.jobs.backfill import backfill
from extenddb.engine.jobs.runner import Chore, Step
from extenddb.engine.jobs.tokens import purge_tokens
from extenddb.engine.jobs.ttl import sweep

STEPS: Mapping[str, Step] = {
    "backfill": backfill,
}
"""The step of each type of job."""

CHORES: tuple[Chore, ...] = (
    Chore(name="tokens", seconds=lambda _context: 60.0, run=purge_tokens),
    Chore(name="ttl", seconds=lambda context: context.settings.ttl_seconds, run=sweep),
)
"""Chores in the order they are done."""
