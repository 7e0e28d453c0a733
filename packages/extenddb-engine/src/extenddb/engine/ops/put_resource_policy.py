"""PutResourcePolicy: attach a policy to a table or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.policies import change_policy, require_place
from extenddb.engine.tables import policy, policy_lockout
from extenddb.engine.tables.settings import resource_arn

if TYPE_CHECKING:
    from extenddb.core.model.requests import PutResourcePolicyInput


async def put_resource_policy(context: Context, caller: Caller, request: PutResourcePolicyInput) -> dict[str, Any]:
    """Answer PutResourcePolicy."""
    arn, document = request["ResourceArn"], request["Policy"]
    resource_arn(arn)
    canonical = policy.check(document, arn)
    place = await require_place(context, caller, arn)
    if not request.get("ConfirmRemoveSelfResourceAccess"):
        policy_lockout.check(canonical, arn, caller.account)
    kept = await change_policy(
        context,
        place,
        lambda current: policy.put(current, document, request.get("ExpectedRevisionId"), context.clock(), arn),
    )
    return {"RevisionId": kept["RevisionId"]} if kept is not None else {}
