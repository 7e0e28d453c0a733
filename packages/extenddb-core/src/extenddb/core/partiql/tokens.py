"""The lexical level of PartiQL: one regular expression, and tokens with their positions."""

from __future__ import annotations

import re
from typing import NamedTuple

END = "end of statement"
"""Kind of what follows the last token."""
NAME = "identifier"
"""Kind of a bare or quoted identifier; the text is the name itself."""
STRING = "string"
"""Kind of a string literal; the text is its content."""
NUMBER = "number"
"""Kind of an unsigned number literal, as written."""
PARAMETER = "?"
"""Kind of a parameter."""
UNKNOWN = "unknown"
"""Kind of a character the language does not have."""

KEYWORDS = frozenset(
    (
        *("SELECT", "FROM", "WHERE", "ORDER", "BY", "ASC", "DESC"),
        *("INSERT", "INTO", "VALUE", "UPDATE", "SET", "REMOVE", "DELETE", "RETURNING", "EXISTS"),
        *("AND", "OR", "NOT", "BETWEEN", "IN", "IS", "MISSING", "NULL", "TRUE", "FALSE"),
    )
)
"""Words that are no identifiers unless quoted. RETURNING's other words (ALL, OLD ...) are known by their place."""

# A comment that is not closed is one token: looking for its end again from every further "/*" takes quadratic time.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+ | --[^\n]* | /\*.*?\*/)
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    | "(?P<quoted>(?:[^"]|"")*)"
    | '(?P<string>(?:[^']|'')*)'
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<sign><<|>>|<=|>=|<>|!=|[=<>()\[\]{}.,:;*+\-?])
    | (?P<unknown>/\*.*|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A piece of the text."""

    kind: str
    """A sign or an upper-case keyword is its own kind."""
    text: str
    """Identifiers and strings without their quotation marks."""
    start: int
    """Offset in the statement."""


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a statement, the end included."""
    tokens = []
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group != "space":
            tokens.append(_token(group or "unknown", match))
    tokens.append(Token(END, "", len(text)))
    return tokens


def _token(group: str, match: re.Match[str]) -> Token:
    piece, start = match[group], match.start()
    if group == "word":
        upper = piece.upper()
        return Token(upper if upper in KEYWORDS else NAME, piece, start)
    if group == "quoted":
        return Token(NAME, piece.replace('""', '"'), start)
    if group == "string":
        return Token(STRING, piece.replace("''", "'"), start)
    if group == "sign":
        return Token(piece, piece, start)
    return Token(NUMBER if group == "number" else UNKNOWN, piece, start)
