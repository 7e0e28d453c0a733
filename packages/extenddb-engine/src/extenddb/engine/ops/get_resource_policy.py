"""GetResourcePolicy: the policy of a table or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.policies import current_policy, require_place
from extenddb.engine.tables import policy

if TYPE_CHECKING:
    from extenddb.core.model.requests import GetResourcePolicyInput


async def get_resource_policy(context: Context, caller: Caller, request: GetResourcePolicyInput) -> dict[str, Any]:
    """Answer GetResourcePolicy."""
    found = current_policy(await require_place(context, caller, request["ResourceArn"]))
    if found is None:
        raise policy.not_found(request["ResourceArn"])
    return {"Policy": found["Policy"], "RevisionId": found["RevisionId"]}
