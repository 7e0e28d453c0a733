"""ImportTable: a new table with what the objects of a bucket hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.core.arn import TableArn
from extenddb.core.errors import IMPORT_CONFLICT, RESOURCE_IN_USE, ServiceError
from extenddb.engine.backups import records
from extenddb.engine.backups.records import IMPORTS
from extenddb.engine.context import Caller, Context
from extenddb.engine.imports.request import answered, check, described
from extenddb.engine.jobs.import_table import begin_import
from extenddb.engine.jobs.waiting import settled
from extenddb.engine.tables import capacity_rules, describe, rules, vectors

if TYPE_CHECKING:
    from extenddb.core.model.requests import ImportTableInput

_MISMATCH = "Import conflict: Duplicate request detected with conflicting parameters"


async def import_table(context: Context, caller: Caller, request: ImportTableInput) -> dict[str, Any]:
    """Answer ImportTable. A repeated ClientToken is answered with the import it began, while that goes on."""
    create = request["TableCreationParameters"]
    vectors.check_create(create)
    rules.check_create(create)
    capacity_rules.check_created(create, caller.region)
    check(request["InputFormat"], request.get("InputCompressionType") or "NONE", request.get("InputFormatOptions"))
    name = create["TableName"]
    table_arn = TableArn(region=caller.region, account=caller.account, table=name)
    arn = IMPORTS.arn(str(table_arn), records.new_id(context))
    mismatch = ServiceError(IMPORT_CONFLICT, _MISMATCH)
    namespace = context.namespace(caller)
    there = await context.tables.load(namespace, name)
    if there is not None and not there.filling:
        raise ServiceError(RESOURCE_IN_USE, f"Table already exists: {name}")
    # Of a request whose token came before only the table is compared (public reports).
    known_by = {"ClientToken": request.get("ClientToken"), "TableName": name}
    arn = await records.claim(context, caller, known_by, arn=arn, mismatch=mismatch)
    key = IMPORTS.key(context, caller, arn) or ""
    known = await records.find(context, IMPORTS, key)
    if known is not None:
        return {"ImportTableDescription": answered(known)}
    now = context.clock()
    table = describe.created(create, arn=table_arn, table_id=context.ids(), created_ms=now)
    description = described(request, table, arn=arn, now_ms=now)
    begun, jobs = await begin_import(context, namespace, key, table, description)
    await settled(context, *jobs)
    return {"ImportTableDescription": answered(begun)}
