"""Resolved document paths: reading them from items, and sets of them that must not touch each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import Path
from extenddb.core.expressions.placeholders import Scope
from extenddb.core.types.attribute import AttributeValue, Item

ResolvedPath: TypeAlias = tuple[str | int, ...]
"""Attribute name, then map members (str) and list indexes (int)."""
Read: TypeAlias = Callable[[Item], AttributeValue | None]
"""Reads one path of an item; None if nothing is there."""
Tree: TypeAlias = dict[str | int, Any]
"""Paths by their parts: each part to the tree of what follows it, None where a path ends."""


def resolve(path: Path, scope: Scope) -> ResolvedPath:
    """Return the path with its symbols replaced; raises `Problem` for one without meaning."""
    return tuple([scope.name(part) if isinstance(part, str) else part for part in path.parts])


def reader(path: ResolvedPath) -> Read:
    """Return the function that reads this path."""
    name = str(path[0])
    if len(path) == 1:
        return lambda item: item.get(name)
    rest = path[1:]

    def read(item: Item) -> AttributeValue | None:
        value = item.get(name)
        for part in rest:
            if value is None:
                return None
            value = member(value, part)
        return value

    return read


def member(value: AttributeValue, part: str | int) -> AttributeValue | None:
    """Return one member of a map (str) or list (int); None if there is none or the value is neither."""
    if isinstance(part, str):
        found: AttributeValue | None = value["M"].get(part) if "M" in value else None
        return found
    members: list[AttributeValue] | None = value.get("L")
    if members is None or part >= len(members):
        return None
    return members[part]


def tree_of(paths: Iterable[ResolvedPath]) -> Tree:
    """Return the tree of paths of which none touches another.

    Raises `Problem` if one is, or starts with, another, or takes for a map what another takes for a list.
    """
    root: Tree = {}
    for path in paths:
        _insert(root, path)
    return root


def _insert(root: Tree, path: ResolvedPath) -> None:
    tree = root
    last = len(path) - 1
    for position, part in enumerate(path):
        if tree and isinstance(next(iter(tree)), int) != isinstance(part, int):
            raise problems.paths_conflict(_first_path(tree, path[:position]), path)
        if position == last:
            if part in tree:
                raise problems.paths_overlap(_first_path(tree[part], path), path)
            tree[part] = None
        else:
            below = tree.setdefault(part, {})
            if below is None:
                raise problems.paths_overlap(path[: position + 1], path)
            tree = below


def _first_path(tree: Tree | None, prefix: ResolvedPath) -> ResolvedPath:
    """Return the path of the tree that was inserted first."""
    while tree:
        part = next(iter(tree))
        prefix = (*prefix, part)
        tree = tree[part]
    return prefix


def pick(tree: Tree, item: Item) -> Item:
    """Return what an item has of the tree's paths; list members keep their order and close ranks."""
    picked: Item = {}
    for name, below in tree.items():
        value = item.get(str(name))
        if value is not None:
            part = value if below is None else _pick_below(below, value)
            if part is not None:
                picked[str(name)] = part
    return picked


def _pick_below(tree: Tree, value: AttributeValue) -> AttributeValue | None:
    if isinstance(next(iter(tree)), str):
        members = pick(tree, value["M"]) if "M" in value else None
        return {"M": members} if members else None
    found = []
    for index in sorted(tree):
        element = member(value, index)
        if element is not None:
            below = tree[index]
            part = element if below is None else _pick_below(below, element)
            if part is not None:
                found.append(part)
    return {"L": found} if found else None
