"""PutResourcePolicy: attach a policy to a table or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.policies import change_policy, require_place
from extenddb.engine.tables import policy

if TYPE_CHECKING:
    from extenddb.core.model.requests import PutResourcePolicyInput


async def put_resource_policy(context: Context, caller: Caller, request: PutResourcePolicyInput) -> dict[str, Any]:
    """Answer PutResourcePolicy."""
    place = await require_place(context, caller, request["ResourceArn"])
    policy.check(request["Policy"], request["ResourceArn"])
    kept = await change_policy(
        context,
        place,
        lambda current: policy.put(current, request["Policy"], request.get("ExpectedRevisionId"), context.clock()),
    )
    return {"RevisionId": kept["RevisionId"]} if kept is not None else {}
