"""PartiQL: statements parsed into trees that hold the same condition and update nodes as expressions.

A text is parsed once and cached; `Values` gives the literals and parameters of one request their meaning. Nothing here
knows of tables: which attributes are keys is the caller's knowledge.
"""

from extenddb.core.partiql.errors import Malformed
from extenddb.core.partiql.nodes import Delete, Exists, Insert, OrderTerm, Parsed, Select, Statement, Update
from extenddb.core.partiql.parser import parse
from extenddb.core.partiql.printer import to_text
from extenddb.core.partiql.scope import Values

__all__ = [
    "Delete",
    "Exists",
    "Insert",
    "Malformed",
    "OrderTerm",
    "Parsed",
    "Select",
    "Statement",
    "Update",
    "Values",
    "parse",
    "to_text",
]
