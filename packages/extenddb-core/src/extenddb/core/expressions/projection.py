"""Projections: ProjectionExpression and AttributesToGet."""

from __future__ import annotations

from collections.abc import Iterable

from extenddb.core.expressions.paths import ResolvedPath, Tree, pick, resolve, tree_of
from extenddb.core.expressions.placeholders import Placeholders
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.projection_parser import parse_projection
from extenddb.core.types.attribute import Item


class Projection:
    """A set of document paths that do not touch each other."""

    __slots__ = ("_tree", "paths")

    def __init__(self, paths: Iterable[ResolvedPath]) -> None:
        """Raises `Problem` if two paths overlap or conflict."""
        self.paths: tuple[ResolvedPath, ...] = tuple(paths)
        self._tree: Tree = tree_of(self.paths)

    @property
    def top_level_names(self) -> frozenset[str]:
        """The attributes the paths start with."""
        return frozenset(str(path[0]) for path in self.paths)

    def project(self, item: Item) -> Item:
        """Return what the item has of the paths; values are shared with the item, not copied."""
        return pick(self._tree, item)


def bind_projection(text: str, placeholders: Placeholders, *, member: str = "ProjectionExpression") -> Projection:
    """Return the projection a text means; raises a ValidationException for everything wrong with it."""
    try:
        return Projection([resolve(path, placeholders) for path in parse_projection(text).paths])
    except Problem as problem:
        raise problem.as_error(member) from None
