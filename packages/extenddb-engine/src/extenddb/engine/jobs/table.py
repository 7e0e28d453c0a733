"""Every type of job and every chore there is."""

from __future__ import annotations

from collections.abc import Mapping

from extenddb.engine.context import Context
from extenddb.engine.jobs.backfill import backfill
from extenddb.engine.jobs.backup import make_backup
from extenddb.engine.jobs.bulk_put import bulk_put
from extenddb.engine.jobs.export import export
from extenddb.engine.jobs.healing import heal
from extenddb.engine.jobs.import_table import import_table
from extenddb.engine.jobs.purging import purge
from extenddb.engine.jobs.recovery import tend_recovery
from extenddb.engine.jobs.restore import restore
from extenddb.engine.jobs.runner import Chore, Step
from extenddb.engine.jobs.streams import tend_streams
from extenddb.engine.jobs.tokens import purge_tokens
from extenddb.engine.jobs.ttl import sweep
from extenddb.engine.tables.removal import remove_due

STEPS: Mapping[str, Step] = {
    "backfill": backfill,
    "backup": make_backup,
    "bulk put": bulk_put,
    "export": export,
    "import": import_table,
    "restore": restore,
}
"""The step of each type of job."""

_STREAM_PAUSE = 30.0
_SHORT_PAUSE = 0.1
_RARE_PAUSE = 600.0


def _stream_pause(context: Context) -> float:
    """Return the pause between two rounds of stream care: short where shards or records are short-lived (tests)."""
    settings = context.settings
    return min(_STREAM_PAUSE, settings.shard_seconds / 4, settings.retention_seconds / 4)


def _deletion_pause(context: Context) -> float:
    """Return the pause between two looks for tables to remove: there are some only if deletion is made to take time."""
    settings = context.settings
    if not settings.strict_waits:
        return _RARE_PAUSE
    return min(_STREAM_PAUSE, max(settings.delay_seconds / 4, _SHORT_PAUSE))


CHORES: tuple[Chore, ...] = (
    Chore(name="deletions", seconds=_deletion_pause, run=remove_due),
    Chore(name="healing", seconds=lambda _context: 15.0, run=heal),
    Chore(name="purging", seconds=lambda _context: _RARE_PAUSE, run=purge),
    Chore(name="recovery", seconds=lambda _context: 60.0, run=tend_recovery),
    Chore(name="streams", seconds=_stream_pause, run=tend_streams),
    Chore(name="tokens", seconds=lambda _context: 60.0, run=purge_tokens),
    Chore(name="ttl", seconds=lambda context: context.settings.ttl_seconds, run=sweep),
)
"""Chores in the order they are done."""
