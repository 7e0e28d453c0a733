"""Removing a table: at once, or under the waiting rules after it has shown DELETING for a while."""

from __future__ import annotations

from extenddb.engine import codec
from extenddb.engine.backups import retiring
from extenddb.engine.context import Context
from extenddb.engine.streams import registry
from extenddb.engine.tables import waits
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.table import Table
from extenddb.storage.errors import NotFound

KIND = "deletion"
"""Kind of the documents that hold the tables to be removed, by id of their space."""
_AT_ONCE = 100


async def remove(context: Context, table: Table) -> None:
    """Remove a table and all it holds, or keep its rows as a backup.

    One that another request removed in between is gone, as was asked for.
    """
    try:
        if retiring.leaves_backup(context, table):
            await retiring.retire(context, table)
        else:
            await context.backend.catalog.drop(table.space)
    except NotFound:
        pass
    finally:
        await _disable_stream(context, table)
        context.tables.forget(table.record.namespace, table.definition.name)


async def _disable_stream(context: Context, table: Table) -> None:
    if table.description.get("StreamSpecification", {}).get("StreamEnabled"):
        label = table.description["LatestStreamLabel"]
        await registry.disable(context, registry.key(table.record.namespace, table.definition.name, label))


async def schedule(context: Context, table: Table) -> None:
    """Let a table show DELETING, and write down that it is to be removed after that.

    The note is written first: one without effect does no harm, a table that shows DELETING for ever would. Raises a
    ResourceInUseException if a change of the table is under way.
    """
    namespace, name = table.record.namespace, table.definition.name
    note = codec.dump({"Namespace": namespace, "Name": name})
    await context.backend.documents.put(KIND, table.space.id, note)
    delay = context.settings.delay_seconds

    def edited(current: Table) -> Table:
        now = context.clock()
        waits.check_idle(current, now)
        return current.edited(settings=waits.transition(current.settings, "DELETING", now, delay))

    await change_table(context, namespace, name, edited)


async def remove_due(context: Context) -> None:
    """Remove the tables that have shown DELETING for long enough."""
    for document in await context.backend.documents.list(KIND, limit=_AT_ONCE):
        note = codec.parse(document.body)
        table = await context.tables.load(note["Namespace"], note["Name"])
        if table is not None and table.space.id == document.key:
            if not waits.deletion_due(table, context.clock()):
                continue
            await remove(context, table)
        await context.backend.documents.delete(KIND, document.key)
