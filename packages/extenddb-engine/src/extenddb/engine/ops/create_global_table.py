"""CreateGlobalTable: join the tables of one name in several regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import check_length
from extenddb.core.errors import validation
from extenddb.engine import global_tables
from extenddb.engine.context import Caller, Context
from extenddb.engine.global_tables import GlobalTable

if TYPE_CHECKING:
    from extenddb.core.model.requests import CreateGlobalTableInput


async def create_global_table(context: Context, caller: Caller, request: CreateGlobalTableInput) -> dict[str, Any]:
    """Answer CreateGlobalTable. The answer says CREATING as the service's does."""
    name = request["GlobalTableName"]
    check_length("TableName", name)
    regions = tuple(replica.get("RegionName", caller.region) for replica in request["ReplicationGroup"])
    if not regions:
        raise validation("ReplicationGroup must name at least one region")
    if len(set(regions)) < len(regions):
        raise validation("ReplicationGroup names a region more than once")
    for region in regions:
        await global_tables.require_replica(context, caller, region, name)
    table = GlobalTable(account=caller.account, name=name, created=context.clock(), regions=regions)
    await global_tables.create(context, table)
    return {"GlobalTableDescription": table.described("CREATING")}
