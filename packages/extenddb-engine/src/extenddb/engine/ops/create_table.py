"""CreateTable: a new, empty table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn, control_table_name, invalid_name, parse_table
from extenddb.core.errors import RESOURCE_IN_USE, ServiceError
from extenddb.engine import policies
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import registry
from extenddb.engine.streams.registry import Stream
from extenddb.engine.tables import capacity_rules, describe, filling, policy, rules, tags, vectors, waits
from extenddb.engine.tables.table import INDEX_MEMBERS, from_record, to_document
from extenddb.engine.tables.vector_definitions import spaces
from extenddb.storage.errors import AlreadyExists
from extenddb.storage.model import Space, TableRecord

if TYPE_CHECKING:
    from extenddb.core.model.requests import CreateTableInput


async def create_table(context: Context, caller: Caller, request: CreateTableInput) -> dict[str, Any]:
    """Answer CreateTable. The answer says CREATING as the service's does; the table can be used at once."""
    name = control_table_name(request["TableName"])
    await _check_source(context, caller, request)
    rules.check_class(request.get("TableClass"))
    rules.check_present(request)
    vectors.check_create(request)
    rules.check_create(request)
    capacity_rules.check_created(request, caller.region)
    arn = TableArn(region=caller.region, account=caller.account, table=name)
    table_id = context.ids()
    namespace = context.namespace(caller)
    description = describe.created(request, arn=arn, table_id=table_id, created_ms=context.clock())
    settings = _settings(context, request, arn)
    stream = _stream(context, namespace, arn, request)
    if stream is not None:
        description = registry.described(description, stream)
        settings = registry.capturing(settings, stream)
    index_ids = {
        index["IndexName"]: f"{kind[0].lower()}{number}"
        for member, kind in INDEX_MEMBERS
        for number, index in enumerate(description.get(member, ()))
    }
    if context.backend.capabilities.vectors:
        settings = vectors.numbered(description, settings)
    indexes = tuple(index_ids.values())
    record = TableRecord(
        namespace=namespace,
        name=name,
        space=Space(id=table_id.replace("-", ""), indexes=indexes, vectors=spaces(description, settings)),
        document=to_document(description, index_ids, settings),
    )
    await _create(context, record, stream)
    return {"TableDescription": describe.creating(from_record(record), request)}


def _settings(context: Context, request: Mapping[str, Any], arn: TableArn) -> dict[str, Any]:
    """Return what the table has beside its description. Raises ValidationException."""
    now = context.clock()
    settings: dict[str, Any] = {}
    if request.get("Tags"):
        settings["Tags"] = tags.given(request["Tags"])
    document = request.get("ResourcePolicy")
    if document is not None:
        settings[policies.TABLE] = policy.put(None, document, None, now, str(arn))
    if context.settings.strict_waits:
        settings = waits.transition(settings, "CREATING", now, context.settings.delay_seconds)
    return settings


async def _check_source(context: Context, caller: Caller, request: Mapping[str, Any]) -> None:
    """Refuse a replica of another account's table: nothing is replicated within one deployment."""
    source = request.get("GlobalTableSourceArn")
    if source is None:
        return
    arn = parse_table(source)
    if arn is None:
        raise invalid_name(source) if source.startswith("arn:") else rules.invalid("GlobalTableSourceArn is no ARN")
    owner = replace(caller, account=arn.account, region=arn.region)
    if await context.tables.load(context.namespace(owner), arn.table) is None:
        raise rules.invalid(f"GlobalTableSourceArn names no table: {source}")
    raise rules.invalid("GlobalTableSourceArn is not supported: tables of one deployment are not replicated")


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
        raise await _taken(context, record.namespace, record.name) from None
    context.tables.forget(record.namespace, record.name)


async def _taken(context: Context, namespace: str, name: str) -> ServiceError:
    """Return the error for a table that is there already, or is being made."""
    table = await context.tables.load(namespace, name)
    if table is not None and table.filling:
        return filling.in_use(table)
    if table is not None and waits.status_shown(table, context.clock()) == "CREATING":
        return waits.busy("CREATING", name)
    return ServiceError(RESOURCE_IN_USE, f"Table already exists: {name}")
