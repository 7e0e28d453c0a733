"""Updates: UpdateExpression and AttributeUpdates, bound to their values and applied to items.

All operands read the item as it was. Removals take list members by their original places, so they leave a mark that is
closed up last; members set beyond a list's end are appended in the order of their indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from extenddb.core import limits
from extenddb.core.errors import validation
from extenddb.core.expressions import problems
from extenddb.core.expressions.nodes import (
    Action,
    Add,
    Arithmetic,
    Delete,
    Function,
    Operand,
    Path,
    Remove,
    Set,
    UpdateNode,
    Value,
)
from extenddb.core.expressions.paths import ResolvedPath, reader, resolve, tree_of
from extenddb.core.expressions.placeholders import Placeholders, Scope
from extenddb.core.expressions.problems import Problem
from extenddb.core.expressions.projection import Projection
from extenddb.core.expressions.update_parser import parse_update
from extenddb.core.types import number
from extenddb.core.types.attribute import SET_TYPES, TOO_DEEP, AttributeValue, Item, type_of

Evaluate: TypeAlias = Callable[[Item], AttributeValue]
"""A bound operand of SET; raises a ValidationException if the item does not have what it needs."""
Change: TypeAlias = Callable[[AttributeValue | None], AttributeValue | None]
"""Turns the old value of an attribute into the new one; None stands for none."""

_GONE: AttributeValue = {}
_ADDABLE = frozenset(("N", "SS", "NS", "BS"))


class Update:
    """A bound update."""

    __slots__ = ("_assigned", "_changed", "_projection", "_removed", "paths")

    def __init__(
        self,
        *,
        assigned: Sequence[tuple[ResolvedPath, Evaluate]],
        removed: Sequence[ResolvedPath],
        changed: Sequence[tuple[ResolvedPath, Change]],
        paths: Sequence[ResolvedPath],
    ) -> None:
        """`paths` are all targets in the order of the text."""
        self.paths: tuple[ResolvedPath, ...] = tuple(paths)
        self._assigned = sorted(assigned, key=_by_index) if len(assigned) > 1 else assigned
        self._removed = removed
        self._changed = changed
        self._projection: Projection | None = None

    @property
    def top_level_names(self) -> frozenset[str]:
        """The attributes the update changes."""
        return frozenset(str(path[0]) for path in self.paths)

    def apply(self, item: Item) -> Item:
        """Return the item after the update; the given item and its values are left as they are.

        An item that does not exist yet is given as its key attributes. Raises a ValidationException if the item does
        not have what the update needs. Neither key attributes nor the size of the result are checked.
        """
        draft = _Draft(item)
        for path in self._removed:
            draft.remove(path)
        for path, evaluate in self._assigned:
            draft.put(path, evaluate(item))
        for path, change in self._changed:
            draft.change(path, change)
        return draft.result()

    def updated_old(self, old: Item, new: Item) -> Item | None:
        """Return what the old item had at the targets (ReturnValues UPDATED_OLD); None if nothing."""
        del new
        return self._at_targets(old)

    def updated_new(self, old: Item, new: Item) -> Item | None:
        """Return what the new item has at the targets (ReturnValues UPDATED_NEW); None if nothing."""
        del old
        return self._at_targets(new)

    def _at_targets(self, item: Item) -> Item | None:
        if self._projection is None:
            self._projection = Projection(self.paths)
        return self._projection.project(item) or None


def _by_index(assignment: tuple[ResolvedPath, Any]) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in assignment[0]]


class _Draft:
    """An item being changed: containers are copied when they are first written to."""

    __slots__ = ("_gaps", "_item", "_owned")

    def __init__(self, item: Item) -> None:
        self._item = dict(item)
        self._owned: dict[int, Any] = {}
        self._gaps: list[list[AttributeValue]] = []

    def put(self, path: ResolvedPath, value: AttributeValue) -> None:
        if len(path) == 1:
            self._item[str(path[0])] = value
            return
        if len(path) - 1 + _depth(value) >= limits.NESTING_DEPTH:
            raise validation(TOO_DEEP)
        holder, part = self._holder(path)
        if isinstance(holder, list) and part >= len(holder):
            holder.append(value)
        else:
            holder[part] = value

    def remove(self, path: ResolvedPath) -> None:
        holder, part = self._holder(path)
        if isinstance(holder, dict):
            holder.pop(part, None)
        elif part < len(holder):
            holder[part] = _GONE
            self._gaps.append(holder)

    def change(self, path: ResolvedPath, change: Change) -> None:
        holder, part = self._holder(path)
        old = _found(holder, part)
        new = change(old)
        if new is not None:
            self.put(path, new)
        elif old is not None:
            self.remove(path)

    def result(self) -> Item:
        for gap in self._gaps:
            gap[:] = [value for value in gap if value is not _GONE]
        return self._item

    def _holder(self, path: ResolvedPath) -> tuple[Any, Any]:
        """Return the container, ours to change, that a path's last part is looked up in, and that part."""
        holder: Any = self._item
        key: Any = path[0]
        for part in path[1:]:
            value = _found(holder, key)
            kind = "M" if isinstance(part, str) else "L"
            content = None if value is None else value.get(kind)
            if content is None:
                raise validation(problems.INVALID_DOCUMENT_PATH)
            if id(content) not in self._owned:
                content = content.copy()
                self._owned[id(content)] = content
                holder[key] = {kind: content}
            holder, key = content, part
        return holder, key


def _found(holder: Any, part: Any) -> AttributeValue | None:
    """Return what a container, dict or list, has at a name or index."""
    if isinstance(holder, dict):
        return holder.get(part)
    return holder[part] if part < len(holder) else None


def _depth(value: AttributeValue) -> int:
    """Return how many containers stand around the deepest value."""
    ((kind, content),) = value.items()
    if kind == "M":
        return max((1 + _depth(member) for member in content.values()), default=0)
    if kind == "L":
        return max((1 + _depth(member) for member in content), default=0)
    return 0


def bind_update(text: str, placeholders: Placeholders, *, member: str = "UpdateExpression") -> Update:
    """Return the update a text means.

    Raises a ValidationException for everything wrong with the text or with operands known from it.
    """
    try:
        return update_of(parse_update(text), placeholders)
    except Problem as problem:
        raise problem.as_error(member) from None


def update_of(tree: UpdateNode, scope: Scope) -> Update:
    """Return a tree bound in a scope; raises `Problem`."""
    paths: list[ResolvedPath] = []
    assigned: list[tuple[ResolvedPath, Evaluate]] = []
    removed: list[ResolvedPath] = []
    changed: list[tuple[ResolvedPath, Change]] = []
    for action in tree.actions:
        path = resolve(action.path, scope)
        paths.append(path)
        if isinstance(action, Set):
            assigned.append((path, _value(action.value, scope)))
        elif isinstance(action, Remove):
            removed.append(path)
        else:
            changed.append((path, _change(action, scope)))
    if len(paths) > 1:
        tree_of(paths)
    return Update(assigned=assigned, removed=removed, changed=changed, paths=paths)


def _change(action: Action, scope: Scope) -> Change:
    assert isinstance(action, Add | Delete)  # noqa: S101  (the only actions left)
    value = scope.value(action.value.symbol)
    kind = type_of(value)
    if isinstance(action, Add):
        if kind not in _ADDABLE:
            raise problems.section_operand_type("ADD", kind)
        return lambda old: added(old, value)
    if kind not in SET_TYPES:
        raise problems.section_operand_type("DELETE", kind)
    return lambda old: deleted(old, value)


def added(
    old: AttributeValue | None, value: AttributeValue, mismatch: str = problems.INCORRECT_DATA_TYPE
) -> AttributeValue:
    """Return the sum of numbers or the union of sets.

    Raises a ValidationException with the text `mismatch` for different types.
    """
    if old is None:
        return value
    ((kind, content),) = value.items()
    if kind not in old:
        raise validation(mismatch)
    if kind == "N":
        return {"N": number.add(old["N"], content)}
    present = set(old[kind])
    return {kind: old[kind] + [element for element in content if element not in present]}


def deleted(
    old: AttributeValue | None, value: AttributeValue, mismatch: str = problems.INCORRECT_DATA_TYPE
) -> AttributeValue | None:
    """Return a set without the elements of another; None if none is left.

    Raises a ValidationException with the text `mismatch` for different types.
    """
    if old is None:
        return None
    ((kind, content),) = value.items()
    if kind not in old:
        raise validation(mismatch)
    unwanted = set(content)
    left = [element for element in old[kind] if element not in unwanted]
    return {kind: left} if left else None


def _value(node: Operand | Arithmetic, scope: Scope) -> Evaluate:
    if isinstance(node, Value):
        constant = scope.value(node.symbol)
        return lambda _item: constant
    if isinstance(node, Path):
        return _read(resolve(node, scope))
    if isinstance(node, Arithmetic):
        return _arithmetic(node, scope)
    return _FUNCTIONS[node.name](node, scope)


def _read(path: ResolvedPath) -> Evaluate:
    read = reader(path)

    def require(item: Item) -> AttributeValue:
        value = read(item)
        if value is None:
            raise validation(problems.NO_SUCH_ATTRIBUTE)
        return value

    return require


def _typed(node: Operand, scope: Scope, operator: str, kind: str) -> Callable[[Item], Any]:
    """Bind an operand that must be of one type; the function returns its content."""
    if isinstance(node, Value):
        given = type_of(scope.value(node.symbol))
        if given != kind:
            raise problems.operand_type(operator, given)
    evaluate = _value(node, scope)

    def content(item: Item) -> Any:
        found = evaluate(item).get(kind)
        if found is None:
            raise validation(problems.INCORRECT_DATA_TYPE)
        return found

    return content


def _arithmetic(node: Arithmetic, scope: Scope) -> Evaluate:
    left = _typed(node.left, scope, node.operator, "N")
    right = _typed(node.right, scope, node.operator, "N")
    combine = number.add if node.operator == "+" else number.subtract
    return lambda item: {"N": combine(left(item), right(item))}


def _list_append(node: Function, scope: Scope) -> Evaluate:
    left, right = (_typed(argument, scope, node.name, "L") for argument in node.arguments)
    return lambda item: {"L": left(item) + right(item)}


def _if_not_exists(node: Function, scope: Scope) -> Evaluate:
    path, default = node.arguments
    if not isinstance(path, Path):
        raise problems.path_required(node.name)
    read, evaluate = reader(resolve(path, scope)), _value(default, scope)

    def evaluate_either(item: Item) -> AttributeValue:
        value = read(item)
        return evaluate(item) if value is None else value

    return evaluate_either


_FUNCTIONS: dict[str, Callable[[Function, Scope], Evaluate]] = {
    "list_append": _list_append,
    "if_not_exists": _if_not_exists,
}
