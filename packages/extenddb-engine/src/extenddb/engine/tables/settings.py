"""What a table has beside its description, changed one subject at a time; and tables found by an ARN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from extenddb.core.arn import parse_table, table_name
from extenddb.core.errors import ServiceError, resource_not_found, validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.tables.change import change_table
from extenddb.engine.tables.table import Table

Value = TypeVar("Value")


def table_not_found(name: str) -> ServiceError:
    """Return the control plane's error for a table that is not there."""
    return resource_not_found(f"Requested resource not found: Table: {name} not found")


def resource_missing(arn: str) -> ServiceError:
    """Return the error for the ARN of nothing; the word without its second e is the service's."""
    return resource_not_found(f"Requested resource not found: ResourcArn: {arn} not found")


async def require_resource(context: Context, caller: Caller, arn: str) -> Table:
    """Return the table of a ResourceArn member. Raises ValidationException, ResourceNotFoundException."""
    parsed = parse_table(arn)
    if parsed is None:
        raise validation(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    found = None
    if parsed.account == caller.account:
        found = await context.tables.load(context.namespace(caller), parsed.table)
    if found is None:
        raise resource_missing(arn)
    return found


async def require_named(context: Context, caller: Caller, name_or_arn: str) -> Table:
    """Return the table of a TableName member as the catalog has it now. Raises ServiceError."""
    name = table_name(name_or_arn)
    table = await context.tables.load(context.namespace(caller), name)
    if table is None:
        raise table_not_found(name)
    return table


def require_index(table: Table, name: str) -> None:
    """Raise a ResourceNotFoundException if the table has no index of that name."""
    if name not in table.index_ids:
        raise resource_not_found(f"Requested resource not found: Index: {name} not found")


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
