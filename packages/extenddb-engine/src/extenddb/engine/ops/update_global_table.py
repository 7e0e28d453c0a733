"""UpdateGlobalTable: add replicas to a global table, or remove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extenddb.core.errors import REPLICA_ALREADY_EXISTS, ServiceError, validation
from extenddb.engine import global_tables
from extenddb.engine.context import Caller, Context
from extenddb.engine.global_tables import GlobalTable
from extenddb.engine.tables import global_settings

if TYPE_CHECKING:
    from extenddb.core.model.requests import UpdateGlobalTableInput

_INVALID = "One or more parameter values were invalid"


async def update_global_table(context: Context, caller: Caller, request: UpdateGlobalTableInput) -> dict[str, Any]:
    """Answer UpdateGlobalTable. The answer says UPDATING as the service's does."""
    name, updates = request["GlobalTableName"], request["ReplicaUpdates"]
    if not updates or not all(map(_is_one, updates)):
        raise validation(_INVALID)
    table = await global_tables.require(context, caller, name)
    _edited(table, updates)
    for update in updates:
        if update.get("Create") is not None:
            await global_tables.require_replica(context, caller, update["Create"]["RegionName"], name)
    table = await global_tables.change(context, caller, name, lambda current: _edited(current, updates))
    return {"GlobalTableDescription": table.described("UPDATING")}


def _is_one(update: Mapping[str, Any]) -> bool:
    return (update.get("Create") is None) != (update.get("Delete") is None)


def _edited(table: GlobalTable, updates: Sequence[Mapping[str, Any]]) -> GlobalTable:
    regions = list(table.regions)
    for update in updates:
        create, delete = update.get("Create"), update.get("Delete")
        if delete is not None:
            if delete["RegionName"] not in regions:
                raise global_settings.replica_not_found(delete["RegionName"])
            regions.remove(delete["RegionName"])
        elif create is not None:
            if create["RegionName"] in regions:
                raise ServiceError(
                    REPLICA_ALREADY_EXISTS,
                    "Update global table operation failed because one or more replicas were already part of the "
                    f"global table. Replica: '{create['RegionName']}'.",
                )
            regions.append(create["RegionName"])
    return replace(table, regions=tuple(regions))
