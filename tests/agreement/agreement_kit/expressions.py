"""Expressions about the attributes of an item, with the names and values that they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agreement_kit.values import anything, key_values, scalars
from hypothesis import strategies as st

PLAIN = ("x", "y", "z")
"""Attributes that are no key of anything."""
_PATHS = ("#p", "#p", "#p", "#p[0]", "#p.a", "#p.#q")
_CONDITIONS = (
    "attribute_exists({p})",
    "attribute_not_exists({p})",
    "attribute_type({p}, :t)",
    "begins_with({p}, :v)",
    "contains({p}, :v)",
    "size({p}) > :n",
    "{p} = :v",
    "{p} <> :v",
    "{p} < :v",
    "{p} >= :v",
    "{p} BETWEEN :v AND :w",
    "{p} IN (:v, :w)",
    "NOT {p} = :v",
    "{p} = :v OR attribute_not_exists({p})",
    "attribute_exists({p}) AND {p} <> :v",
)
_UPDATES = (
    "SET {p} = :v",
    "SET {p} = :v",
    "SET {p} = if_not_exists({p}, :n)",
    "SET {p} = if_not_exists({p}, :n) + :n",
    "SET {p} = {p} - :n",
    "SET {p} = list_append(if_not_exists({p}, :l), :l)",
    "REMOVE {p}",
    "ADD {p} :n",
    "ADD {p} :s",
    "DELETE {p} :s",
    "SET {p} = :v, z = x",
    "SET {p} = :v REMOVE y",
    "ADD {p} :n SET z = :v",
)


@st.composite
def conditions(draw: st.DrawFn, member: str, names: Sequence[str]) -> dict[str, Any]:
    """Draw the members of a request that make it conditional, under the given name."""
    return draw(_members(member, _CONDITIONS, names))


@st.composite
def updates(draw: st.DrawFn, names: Sequence[str], keys: Sequence[str]) -> dict[str, Any]:
    """Draw the members of a request that update an item; index keys mostly get values of their type."""
    if keys and draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(keys))
        return {
            "UpdateExpression": "SET #p = :v",
            "ExpressionAttributeNames": {"#p": name},
            "ExpressionAttributeValues": {":v": draw(key_values(name))},
        }
    return draw(_members("UpdateExpression", _UPDATES, names))


@st.composite
def _members(draw: st.DrawFn, member: str, templates: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    text = draw(st.sampled_from(templates)).format(p=draw(st.sampled_from(_PATHS)))
    found: dict[str, Any] = {member: text}
    spelled = {"#p": st.sampled_from(names), "#q": st.just("c.d")}
    found["ExpressionAttributeNames"] = {name: draw(each) for name, each in spelled.items() if name in text}
    values = {
        ":v": anything(),
        ":w": anything(),
        ":n": scalars("N"),
        ":t": st.sampled_from([{"S": "S"}, {"S": "N"}, {"S": "L"}, {"S": "SS"}]),
        ":l": st.sampled_from([{"L": [{"S": "a"}]}, {"L": []}]),
        ":s": st.sampled_from([{"SS": ["a", "b"]}, {"NS": ["1", "2"]}, {"SS": ["a"]}]),
    }
    used = {name: draw(each) for name, each in values.items() if name in text}
    if used:
        found["ExpressionAttributeValues"] = used
    return found
