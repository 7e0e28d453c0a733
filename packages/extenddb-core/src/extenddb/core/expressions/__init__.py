"""Expressions: condition, key condition, projection and update.

A text is parsed into a tree once and cached by text; binding gives the tree's symbols their meaning in one request and
makes functions of it. Nothing here knows of tables: which attributes are keys is the caller's knowledge.
"""

from extenddb.core.expressions.condition import Condition, bind_condition
from extenddb.core.expressions.key_condition import (
    KeyCondition,
    KeyRange,
    KeyTerm,
    bind_key_condition,
    match_key_schema,
)
from extenddb.core.expressions.placeholders import Placeholders
from extenddb.core.expressions.projection import Projection, bind_projection
from extenddb.core.expressions.update import Update, bind_update

__all__ = [
    "Condition",
    "KeyCondition",
    "KeyRange",
    "KeyTerm",
    "Placeholders",
    "Projection",
    "Update",
    "bind_condition",
    "bind_key_condition",
    "bind_projection",
    "bind_update",
    "match_key_schema",
]
