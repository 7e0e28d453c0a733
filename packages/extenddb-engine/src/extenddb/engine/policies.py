"""Where resource-based policies are kept: with the table, one for itself and one for each of its streams.

A policy goes when its table does. The stream of a table that is gone can still be read, but has no policy any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from extenddb.core.errors import resource_not_found, validation
from extenddb.engine.context import Caller, Context
from extenddb.engine.streams import registry
from extenddb.engine.tables.policy import Policy
from extenddb.engine.tables.settings import change_setting, resource_arn, table_not_found
from extenddb.engine.tables.table import Table

TABLE = "ResourcePolicy"
"""Where a table's settings hold its own policy."""
OTHER_ACCOUNT = "This action is only supported by accounts that match the resource owner\u2019s account."
"""What some operations say to an ARN of another account."""
STREAMS = "StreamPolicies"
"""Where a table's settings hold the policies of its streams, by label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a policy is, or may be, attached to."""

    table: Table
    label: str | None
    """Label of the stream; None for the table itself."""


async def require_place(context: Context, caller: Caller, arn: str) -> Place:
    """Return what a ResourceArn names. Raises ValidationException, ResourceNotFoundException."""
    parsed = resource_arn(arn)
    if parsed.account != caller.account:
        raise validation(OTHER_ACCOUNT)
    table = await context.tables.load(context.namespace(caller), parsed.table)
    if table is None or table.filling:
        raise table_not_found(parsed.table)
    _, found, label = arn.partition("/stream/")
    if not found:
        return Place(table=table, label=None)
    if await registry.find(context, registry.key(table.record.namespace, parsed.table, label)) is None:
        raise resource_not_found(f"Requested resource not found: Stream: {label} not found for Table: {parsed.table}")
    return Place(table=table, label=label)


def current_policy(place: Place) -> Policy | None:
    """Return the policy of a place, if it has one."""
    settings = place.table.settings
    policy: Policy | None = settings.get(TABLE) if place.label is None else settings.get(STREAMS, {}).get(place.label)
    return policy


async def change_policy(
    context: Context, place: Place, edit: Callable[[Policy | None], Policy | None]
) -> Policy | None:
    """Replace the policy of a place by what `edit` makes of it, None being none; raises what `edit` raises."""
    label = place.label
    if label is None:
        return await change_setting(context, place.table, TABLE, edit)

    def edited(policies: dict[str, Policy] | None) -> dict[str, Policy] | None:
        others = {name: policy for name, policy in (policies or {}).items() if name != label}
        one = edit((policies or {}).get(label))
        return (others if one is None else {**others, label: one}) or None

    return (await change_setting(context, place.table, STREAMS, edited) or {}).get(label)
