"""UntagResource: remove tags from a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import tags
from extenddb.engine.tables.settings import change_setting, require_resource

if TYPE_CHECKING:
    from extenddb.core.model.requests import UntagResourceInput


async def untag_resource(context: Context, caller: Caller, request: UntagResourceInput) -> dict[str, Any]:
    """Answer UntagResource."""
    tags.check_keys(request["TagKeys"])
    table = await require_resource(context, caller, request["ResourceArn"])
    await change_setting(
        context, table, "Tags", lambda current: tags.removed(current or {}, request["TagKeys"]) or None
    )
    return {}
