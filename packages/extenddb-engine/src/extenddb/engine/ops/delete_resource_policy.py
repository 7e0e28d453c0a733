"""DeleteResourcePolicy: detach the policy of a table or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.policies import change_policy, current_policy, require_place
from extenddb.engine.tables import policy

if TYPE_CHECKING:
    from extenddb.core.model.requests import DeleteResourcePolicyInput


async def delete_resource_policy(
    context: Context, caller: Caller, request: DeleteResourcePolicyInput
) -> dict[str, Any]:
    """Answer DeleteResourcePolicy. Without a policy and without an expected revision there is nothing to do."""
    place = await require_place(context, caller, request["ResourceArn"])
    expected = request.get("ExpectedRevisionId")

    def edited(current: policy.Policy | None) -> None:
        policy.check_revision(current, expected, request["ResourceArn"])

    before = current_policy(place)
    await change_policy(context, place, edited)
    return {} if before is None else {"RevisionId": before["RevisionId"]}
