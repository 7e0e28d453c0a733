"""The lexical level that all four grammars share: a regular expression, and tokens with their positions."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import NamedTuple

END = "<EOF>"
"""Kind and text of what follows the last token."""
WORD = "word"
"""Kind of an identifier: an attribute name or a function name."""
NAME = "#"
"""Kind of a name symbol."""
VALUE = ":"
"""Kind of a value symbol."""
NUMBER = "number"
"""Kind of a list index."""
UNKNOWN = "?"
"""Kind of a character no grammar knows; it is refused where the parser meets it."""

# An identifier cannot start with an underscore: the service then names the underscore alone as the wrong token.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+)
    | (?P<word>[A-Za-z][A-Za-z0-9_]*)
    | (?P<name>\#[A-Za-z0-9_]+)
    | (?P<value>:[A-Za-z0-9_]+)
    | (?P<number>[0-9]+)
    | (?P<sign><=|>=|<>|[=<>()\[\].,+\-])
    | (?P<unknown>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {"name": NAME, "value": VALUE, "number": NUMBER, "unknown": UNKNOWN}


class Token(NamedTuple):
    """A piece of the text."""

    kind: str
    """A sign or an upper-case keyword is its own kind."""
    text: str
    start: int
    end: int


def tokenize(text: str, keywords: AbstractSet[str]) -> list[Token]:
    """Return the tokens of the text, the end included; words that are keywords in any case become their own kind."""
    tokens = []
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group == "space":
            continue
        piece = match.group()
        if group == "word":
            upper = piece.upper()
            kind = upper if upper in keywords else WORD
        elif group == "sign":
            kind = piece
        else:
            kind = _KINDS[group or "unknown"]
        tokens.append(Token(kind, piece, match.start(), match.end()))
    end = tokens[-1].end if tokens else 0
    tokens.append(Token(END, END, end, end))
    return tokens
