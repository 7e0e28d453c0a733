"""The grammar of projections: document paths with commas between them."""

from __future__ import annotations

from functools import lru_cache

from extenddb.core.expressions.nodes import ProjectionNode
from extenddb.core.expressions.parser import CACHED_TREES, Parser


@lru_cache(maxsize=CACHED_TREES)
def parse_projection(text: str) -> ProjectionNode:
    """Return the tree of a projection expression; raises `Problem`."""
    parser = Parser(text)
    paths = [parser.path()]
    while parser.accept(","):
        paths.append(parser.path())
    parser.finish()
    return ProjectionNode(tuple(paths))
