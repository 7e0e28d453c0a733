"""CreateTable: a new, empty table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn, table_name
from extenddb.core.errors import RESOURCE_IN_USE, ServiceError
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import registry
from extenddb.engine.streams.registry import Stream
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
    arn = TableArn(region=caller.region, account=caller.account, table=name)
    table_id = context.ids()
    namespace = context.namespace(caller)
    description = describe.created(request, arn=arn, table_id=table_id, created_ms=context.clock())
    settings: dict[str, Any] = {}
    stream = _stream(context, namespace, arn, request)
    if stream is not None:
        description = registry.described(description, stream)
        settings = registry.capturing(settings, stream)
    index_ids = {
        index["IndexName"]: f"{kind[0].lower()}{number}"
        for member, kind in INDEX_MEMBERS
        for number, index in enumerate(description.get(member, ()))
    }
    record = TableRecord(
        namespace=namespace,
        name=name,
        space=Space(id=table_id.replace("-", ""), indexes=tuple(index_ids.values())),
        document=to_document(description, index_ids, settings),
    )
    await _create(context, record, stream)
    return {"TableDescription": describe.described(from_record(record), {}, "CREATING")}


def _stream(context: Context, namespace: str, arn: TableArn, request: Mapping[str, Any]) -> Stream | None:
    specification = request.get("StreamSpecification") or {}
    if not specification.get("StreamEnabled"):
        return None
    return registry.new_stream(
        context,
        namespace=namespace,
        arn=arn,
        view=specification["StreamViewType"],
        key_schema=request["KeySchema"],
    )


async def _create(context: Context, record: TableRecord, stream: Stream | None) -> None:
    if stream is not None:
        await registry.register(context, stream)
    try:
        await context.backend.catalog.create(record)
    except AlreadyExists:
        if stream is not None:
            await registry.forget(context, stream.key)
        raise ServiceError(RESOURCE_IN_USE, f"Table already exists: {record.name}") from None
    context.tables.forget(record.namespace, record.name)
