"""TagResource: add tags to a table, or replace their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import tags
from extenddb.engine.tables.settings import change_setting, require_resource

if TYPE_CHECKING:
    from extenddb.core.model.requests import TagResourceInput


async def tag_resource(context: Context, caller: Caller, request: TagResourceInput) -> dict[str, Any]:
    """Answer TagResource."""
    new = tags.check_given(request["Tags"])
    table = await require_resource(context, caller, request["ResourceArn"])
    await change_setting(context, table, "Tags", lambda current: tags.added(current or {}, new))
    return {}
