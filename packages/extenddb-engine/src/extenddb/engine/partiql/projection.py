"""SELECT lists: each path becomes an attribute of the answer, named after the path's end."""

from __future__ import annotations

from collections.abc import Sequence

from extenddb.core.expressions.nodes import Path
from extenddb.core.expressions.paths import ResolvedPath, reader
from extenddb.core.types.attribute import Item


class SelectList:
    """Takes paths from items: `a.b` is answered as `b`, and `a.b[0]` as `b[0]`; what is not there is left out."""

    __slots__ = ("_reads", "top_level_names")

    def __init__(self, paths: Sequence[Path]) -> None:
        self._reads = [(_label(path.parts), reader(path.parts)) for path in paths]
        self.top_level_names = frozenset(str(path.parts[0]) for path in paths)

    def project(self, item: Item) -> Item:
        """Return what the item has of the paths; values are shared with the item, not copied."""
        picked: Item = {}
        for label, read in self._reads:
            value = read(item)
            if value is not None:
                picked[label] = value
        return picked


def _label(path: ResolvedPath) -> str:
    last_name = max(place for place, part in enumerate(path) if isinstance(part, str))
    return str(path[last_name]) + "".join(f"[{index}]" for index in path[last_name + 1 :])
