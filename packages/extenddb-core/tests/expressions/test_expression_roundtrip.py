"""Trees of all four grammars survive being printed and parsed, and mean the same as a naive reading of them says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from extenddb.core.expressions import Placeholders, bind_condition, bind_key_condition, bind_projection, bind_update
from extenddb.core.expressions.condition_parser import parse_condition
from extenddb.core.expressions.nodes import (
    Add,
    And,
    Arithmetic,
    Between,
    Comparison,
    ConditionNode,
    Delete,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    ProjectionNode,
    Remove,
    Set,
    UpdateNode,
    Value,
)
from extenddb.core.expressions.printer import to_text
from extenddb.core.expressions.projection_parser import parse_projection
from extenddb.core.expressions.update_parser import parse_update
from extenddb.core.types.attribute import Item

VALUES: Item = {
    ":n1": {"N": "1"},
    ":n2": {"N": "2.5"},
    ":n10": {"N": "10"},
    ":s1": {"S": "aé"},
    ":s2": {"S": "b"},
    ":t": {"BOOL": True},
    ":ss": {"SS": ["b", "a"]},
    ":l": {"L": [{"N": "1"}]},
}
NAMES = {"#x": "x", "#y": "y.z", "#size": "size", "#1": "n"}
PLAIN_NAMES = ["a", "b", "n", "s", "x", "contains", "A_1"]

names = st.sampled_from([*PLAIN_NAMES, *NAMES])
parts = st.one_of(names, st.integers(0, 3))
paths = st.builds(lambda head, tail: Path((head, *tail)), names, st.lists(parts, max_size=2))
scalars = st.sampled_from([":n1", ":n2", ":n10", ":s1", ":s2"]).map(Value)
any_values = st.sampled_from(list(VALUES)).map(Value)
sizes = paths.map(lambda path: Function("size", (path,)))
operands = st.one_of(paths, any_values, sizes)
ordered_operands = st.one_of(paths, scalars, sizes)


def distinct(first: Operand, *others: Operand) -> bool:
    """Tell whether the service takes the operands together."""
    return not isinstance(first, Path) or all(resolved(first) != resolved(other) for other in others)


def resolved(node: Operand) -> object:
    if not isinstance(node, Path):
        return None
    return tuple(NAMES.get(part, part) if isinstance(part, str) else part for part in node.parts)


def node(kind: Any, *fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, *fields)


comparisons = st.one_of(
    node(Comparison, st.sampled_from(["=", "<>"]), operands, operands),
    node(Comparison, st.sampled_from(["<", "<=", ">", ">="]), ordered_operands, ordered_operands),
).filter(lambda tree: distinct(tree.left, tree.right))
betweens = node(Between, ordered_operands, paths, ordered_operands).filter(
    lambda tree: distinct(tree.operand, tree.low, tree.high)
)
memberships = node(In, operands, st.lists(operands, min_size=1, max_size=3).map(tuple)).filter(
    lambda tree: distinct(tree.operand, *tree.options)
)
functions = st.one_of(
    st.builds(
        lambda name, path: Function(name, (path,)),
        st.sampled_from(["attribute_exists", "attribute_not_exists"]),
        paths,
    ),
    st.builds(lambda path, prefix: Function("begins_with", (path, prefix)), paths, st.just(Value(":s1"))),
    st.builds(lambda path, wanted: Function("contains", (path, wanted)), paths, any_values),
)
leaves = st.one_of(comparisons, betweens, memberships, functions)
conditions: st.SearchStrategy[ConditionNode] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        node(Not, inner),
        node(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        node(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)

numbers = st.sampled_from(["1", "2.5", "10", "-3"]).map(lambda text: {"N": text})
leaf_values = st.one_of(
    numbers,
    st.sampled_from(["aé", "b", "aéb", ""]).map(lambda text: {"S": text}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.sampled_from([["a", "b"], ["b", "a"], ["c"]]).map(lambda members: {"SS": members}),
)
attribute_values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    leaf_values,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(st.sampled_from(["a", "n", "x"]), inner, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=5,
)
items = st.dictionaries(st.sampled_from([*PLAIN_NAMES, "y.z", "size"]), attribute_values, max_size=7)


def python_value(value: dict[str, Any]) -> tuple[str, Any]:
    """Return a value as something Python compares as the service does."""
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, Decimal(content)
    if kind == "SS":
        return kind, frozenset(content)
    if kind == "L":
        return kind, tuple(map(python_value, content))
    if kind == "M":
        return kind, frozenset((name, python_value(member)) for name, member in content.items())
    return kind, content


def found(operand: Operand, item: Item) -> tuple[str, Any] | None:
    if isinstance(operand, Value):
        return python_value(VALUES[operand.symbol])
    if isinstance(operand, Function):
        value = found(operand.arguments[0], item)
        if value is None or value[0] in ("N", "BOOL"):
            return None
        return "N", Decimal(len(value[1]))
    value_at: Any = {"M": item}
    for part in operand.parts:
        key, kind = (part, "L") if isinstance(part, int) else (NAMES.get(part, part), "M")
        try:
            value_at = value_at[kind][key]
        except (KeyError, IndexError):
            return None
    return python_value(value_at)


def naive(tree: ConditionNode, item: Item) -> bool:
    match tree:
        case Not(term):
            return not naive(term, item)
        case And(terms):
            return all(naive(term, item) for term in terms)
        case Or(terms):
            return any(naive(term, item) for term in terms)
        case Between(operand, low, high):
            return naive(Comparison(">=", operand, low), item) and naive(Comparison("<=", operand, high), item)
        case In(operand, options):
            return any(naive(Comparison("=", operand, option), item) for option in options)
        case Function():
            return naive_function(tree, item)
        case Comparison():
            return naive_comparison(tree, item)


def naive_comparison(tree: Comparison, item: Item) -> bool:
    left, right = found(tree.left, item), found(tree.right, item)
    same = left is not None and left == right
    if tree.operator in ("=", "<>"):
        return same == (tree.operator == "=")
    if left is None or right is None or left[0] != right[0] or left[0] not in ("S", "N"):
        return False
    one, other = (left[1].encode(), right[1].encode()) if left[0] == "S" else (left[1], right[1])
    return bool(
        same if one == other and "=" in tree.operator else (one < other) == ("<" in tree.operator) and one != other
    )


def naive_function(tree: Function, item: Item) -> bool:
    first, *rest = (found(argument, item) for argument in tree.arguments)
    if tree.name == "attribute_exists":
        return first is not None
    if tree.name == "attribute_not_exists":
        return first is None
    wanted = rest[0]
    if first is None or wanted is None:
        return False
    if tree.name == "begins_with":
        return first[0] == wanted[0] == "S" and bool(first[1].startswith(wanted[1]))
    if first[0] == "L":
        return wanted in first[1]
    return first[0] in ("S", "SS") and wanted[0] == "S" and wanted[1] in first[1]


@given(conditions)
def test_condition_survives_printing(tree: ConditionNode) -> None:
    assert parse_condition(to_text(tree)) == tree


@given(conditions, items)
def test_condition_means_what_a_naive_reading_says(tree: ConditionNode, item: Item) -> None:
    placeholders = Placeholders(NAMES, VALUES)
    assert bind_condition(to_text(tree), placeholders).matches(item) is naive(tree, item)


projections = st.lists(paths, min_size=1, max_size=4).map(lambda found: ProjectionNode(tuple(found)))


@given(projections)
def test_projection_survives_printing(tree: ProjectionNode) -> None:
    assert parse_projection(to_text(tree)) == tree


@given(paths, items)
def test_projection_of_one_path_keeps_exactly_its_value(path: Path, item: Item) -> None:
    text = to_text(ProjectionNode((path,)))
    picked = bind_projection(text, Placeholders(NAMES, VALUES)).project(item)
    wanted = found(path, item)
    # Members of lists close ranks: every index on the way becomes the first.
    closed = Path(tuple(0 if isinstance(part, int) else part for part in path.parts))
    assert found(closed, picked) == wanted
    assert (picked == {}) is (wanted is None)


set_operands: st.SearchStrategy[Operand] = st.recursive(
    st.one_of(paths, any_values),
    lambda inner: st.one_of(
        st.builds(lambda path, default: Function("if_not_exists", (path, default)), paths, inner),
        st.builds(lambda left, right: Function("list_append", (left, right)), inner, inner),
    ),
    max_leaves=4,
)
set_values = st.one_of(set_operands, node(Arithmetic, st.sampled_from("+-"), set_operands, set_operands))
sections = [
    st.lists(node(Set, paths, set_values), max_size=3),
    st.lists(node(Remove, paths), max_size=3),
    st.lists(node(Add, paths, any_values), max_size=2),
    st.lists(node(Delete, paths, any_values), max_size=2),
]
updates = (
    st.tuples(*sections)
    .flatmap(lambda found: st.permutations([actions for actions in found if actions]))
    .filter(bool)
    .map(lambda found: UpdateNode(tuple(action for actions in found for action in actions)))
)


@given(updates)
def test_update_survives_printing(tree: UpdateNode) -> None:
    assert parse_update(to_text(tree)) == tree


@given(st.sampled_from(["a", "#x", "#y"]), any_values, items)
def test_set_of_an_attribute_changes_nothing_else(name: str, value: Value, item: Item) -> None:
    text = to_text(UpdateNode((Set(Path((name,)), value),)))
    result = bind_update(text, Placeholders(NAMES, VALUES)).apply(item)
    assert result == {**item, NAMES.get(name, name): VALUES[value.symbol]}


key_terms = st.one_of(
    st.sampled_from(["=", "<", "<=", ">", ">="]).map(lambda sign: Comparison(sign, Path(("b",)), Value(":n1"))),
    st.just(Between(Path(("b",)), Value(":n1"), Value(":n10"))),
    st.just(Function("begins_with", (Path(("b",)), Value(":s1")))),
)


@given(key_terms)
def test_key_condition_survives_printing(term: ConditionNode) -> None:
    tree = And((Comparison("=", Path(("a",)), Value(":s1")), term))
    text = to_text(tree)
    assert parse_condition(text) == tree
    first, second = bind_key_condition(text, Placeholders(NAMES, VALUES)).terms
    assert (first.name, first.operator, second.name) == ("a", "=", "b")
