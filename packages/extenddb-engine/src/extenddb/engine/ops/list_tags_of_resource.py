"""ListTagsOfResource: the tags of a table. They fit in one page; a token is ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extenddb.engine.context import Caller, Context
from extenddb.engine.tables import tags
from extenddb.engine.tables.settings import require_resource

if TYPE_CHECKING:
    from extenddb.core.model.requests import ListTagsOfResourceInput


async def list_tags_of_resource(context: Context, caller: Caller, request: ListTagsOfResourceInput) -> dict[str, Any]:
    """Answer ListTagsOfResource."""
    table = await require_resource(context, caller, request["ResourceArn"])
    return {"Tags": tags.listed(table.settings.get("Tags", {}).items())}
