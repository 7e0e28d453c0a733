"""The backup of a table that is removed while point-in-time recovery is enabled.

Nothing is copied: the table loses its name and its indexes, and its rows are the backup from then on. Both happen in
one change of the catalog, which also holds what is to be put on record; a process may die behind it.
"""

from __future__ import annotations

from dataclasses import replace

from extenddb.engine import codec, system
from extenddb.engine.backups import backup, records, recovery
from extenddb.engine.backups.records import BACKUPS
from extenddb.engine.context import Context
from extenddb.engine.retries import changing
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import Conflict, NotFound
from extenddb.storage.model import Estimate, TableRecord

DAYS = 35
"""How long the backup is kept (developer guide, Delete a table with PITR enabled)."""
_SUFFIX = "$DeletedTableBackup"
_ID_END = "00000000"  # of the ids of such backups, where others have random digits
_SETTLED = b"{}"


def leaves_backup(context: Context, table: Table) -> bool:
    """Tell whether a table leaves a backup when it is removed."""
    return context.backend.capabilities.renaming and recovery.of(table) is not None


async def retire(context: Context, table: Table) -> None:
    """Remove a table and keep its rows as a backup; without effect for one that is gone already."""
    estimate = (await context.backend.catalog.estimate(table.space))[None]
    namespace, name, id_of_space = table.record.namespace, table.definition.name, table.space.id

    async def move() -> TableRecord | None:
        current = await context.tables.load(namespace, name)
        if current is None or current.space.id != id_of_space:
            return None
        wish = _moved(current, estimate, context.clock())
        return await context.backend.catalog.alter(wish, expected=current.record.version)

    moved = await changing(move, f"the table {name}")
    if moved is not None:
        await settle(context, moved)


def _moved(table: Table, estimate: Estimate, now: int) -> TableRecord:
    """Return a table's record as that of rows which are a backup of the table."""
    namespace, name, space = table.record.namespace, table.definition.name, table.space
    id_ = f"{now:014d}-{_ID_END}"
    body = backup.new(table, f"{name}{_SUFFIX}", id_, estimate, now)
    body = backup.with_contents(body, estimate.rows, estimate.bytes)
    expiry = (now + DAYS * recovery.DAY_MS) / 1000
    body = backup.with_details(
        body, BackupType=backup.SYSTEM, BackupStatus=backup.AVAILABLE, BackupExpiryDateTime=expiry
    )
    return replace(
        table.record,
        namespace=system.NAMESPACE,
        name=space.id,
        space=replace(space, epoch=space.epoch + 1, indexes=(), vectors=()),
        document=codec.dump({"Key": records.key_of(namespace, name, id_), "Backup": body}),
    )


def is_unsettled(record: TableRecord) -> bool:
    """Tell whether a record is that of rows whose backup is still to be put on record."""
    return record.namespace == system.NAMESPACE and record.document != _SETTLED


async def settle(context: Context, record: TableRecord) -> None:
    """Put the backup on record. May be repeated, by several processes too: the record's change ends it."""
    held = codec.parse(record.document)
    await records.create(context, BACKUPS, held["Key"], backup.kept_in(held["Backup"], record.space))
    try:
        await context.backend.catalog.alter(replace(record, document=_SETTLED), expected=record.version)
    except (NotFound, Conflict):
        return  # another process was first
