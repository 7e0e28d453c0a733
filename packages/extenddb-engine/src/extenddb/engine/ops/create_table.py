"""CreateTable: a new, empty table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn, table_name
from extenddb.core.errors import RESOURCE_IN_USE, ServiceError
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import describe, rules
from extenddb.engine.tables.table import INDEX_MEMBERS, from_record, to_document
from extenddb.storage.errors import AlreadyExists
from extenddb.storage.model import Space, TableRecord

if TYPE_CHECKING:
    from extenddb.core.model.requests import CreateTableInput


async def create_table(context: Context, caller: Caller, request: CreateTableInput) -> dict[str, Any]:
    """Answer CreateTable. The answer says CREATING as the service's does; the table can be used at once."""
    rules.check_create(request)
    name = table_name(request["TableName"])
    table_id = context.ids()
    description = describe.created(
        request,
        arn=TableArn(region=caller.region, account=caller.account, table=name),
        table_id=table_id,
        created_ms=context.clock(),
    )
    index_ids = {
        index["IndexName"]: f"{kind[0].lower()}{number}"
        for member, kind in INDEX_MEMBERS
        for number, index in enumerate(description.get(member, ()))
    }
    record = TableRecord(
        namespace=context.namespace(caller),
        name=name,
        space=Space(id=table_id.replace("-", ""), indexes=tuple(index_ids.values())),
        document=to_document(description, index_ids),
    )
    try:
        await context.backend.catalog.create(record)
    except AlreadyExists:
        raise ServiceError(RESOURCE_IN_USE, f"Table already exists: {name}") from None
    context.tables.forget(record.namespace, name)
    return {"TableDescription": describe.described(from_record(record), {}, "CREATING")}
