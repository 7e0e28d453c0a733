"""What a table has beside its description, changed one subject at a time; and tables found by an ARN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from extenddb.core.arn import TableArn, control_table_name, parse_table
from extenddb.core.errors import ACCESS_DENIED, ServiceError, resource_not_found
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import rules
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.table import Table

Value = TypeVar("Value")


def table_not_found(name: str) -> ServiceError:
    """Return the control plane's error for a table that is not there."""
    return resource_not_found(f"Requested resource not found: Table: {name} not found")


def resource_missing(arn: str) -> ServiceError:
    """Return the error for the ARN of nothing."""
    return resource_not_found(f"Requested resource not found: ResourceArn: {arn} not found")


def resource_arn(arn: str) -> TableArn:
    """Return the table of a ResourceArn member, of which a stream's ARN is part. Raises ValidationException."""
    if not arn.startswith("arn:"):
        raise rules.invalid(f"ARNs must start with 'arn:': {arn}")
    home, name, kind = [*arn.split("/", 3), "", ""][:3]
    table = parse_table(f"{home}/{name}")
    if kind == "index" and table is not None:
        raise rules.invalid(
            f"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}"
        )
    if table is None or kind not in ("", "stream"):
        raise rules.invalid(f"Provided Arn is not a DynamoDB resource arn: {arn}")
    return table


async def require_resource(context: Context, caller: Caller, arn: str) -> Table:
    """Return the table of a ResourceArn member.

    Raises ValidationException, AccessDeniedException, ResourceNotFoundException.
    """
    parsed = resource_arn(arn)
    if parsed.account != caller.account:
        raise ServiceError(ACCESS_DENIED, "Access is denied")
    found = None
    if "/stream/" not in arn:
        found = await context.tables.load(context.namespace(caller), parsed.table)
    if found is None:
        raise resource_missing(arn)
    if found.filling:
        raise table_not_found(parsed.table)
    return found


async def require_any(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return the table of a TableName member as the catalog has it now, filled or not. Raises ServiceError."""
    name = control_table_name(name_or_arn)
    table = await context.tables.load(context.namespace(caller), name)
    if table is None:
        raise table_not_found(name)
    return table


async def require_named(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return the table of a TableName member, which must be filled. Raises ServiceError."""
    table = await require_any(context, caller, name_or_arn)
    if table.filling:
        raise table_not_found(table.definition.name)
    return table


def require_index(table: Table, name: str) -> None:
    """Raise a ResourceNotFoundException if the table has no global index of that name."""
    if not any(index["IndexName"] == name for index in table.description.get("GlobalSecondaryIndexes", ())):
        raise resource_not_found(
            f"Requested resource not found: Index: {name} not found for table: {table.definition.name}"
        )


async def change_setting(
    context: Context, table: Table, subject: str, edit: Callable[[Any], Value | None]
) -> Value | None:
    """Replace one subject of a table's settings by what `edit` makes of the current one, and return it.

    `edit` gets None where there is nothing yet; returning None removes the subject. It is pure: it may run again when
    the table is changed at the same time. Raises what `edit` raises, and ResourceNotFoundException.
    """
    result: list[Value | None] = [None]

    def edited(current: Table) -> Table:
        result[0] = edit(current.settings.get(subject))
        others = {name: value for name, value in current.settings.items() if name != subject}
        return current.edited(settings=others if result[0] is None else {**others, subject: result[0]})

    name = table.definition.name
    if await change_table(context, table.record.namespace, name, edited) is None:
        raise table_not_found(name)
    return result[0]
