"""The lexical level of PartiQL: one regular expression, and tokens with their positions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from extenddb.core.partiql.keywords import JOINED, KEYWORDS, OPERATOR_WORDS

END = "end of statement"
"""Kind of what follows the last token."""
NAME = "identifier"
"""Kind of a bare identifier."""
QUOTED = "quoted identifier"
"""Kind of an identifier in double quotation marks; the text is the name itself."""
STRING = "string"
"""Kind of a string literal; the text is its content."""
NUMBER = "number"
"""Kind of an unsigned number literal, as written."""
ION = "ion"
"""Kind of a literal in backticks."""
WORD = "keyword"
"""Kind of a keyword; the text is in small letters, two words of one token joined by an underscore."""
OPERATOR = "operator"
"""Kind of an operator, sign or word; the text is as of a keyword."""
PARAMETER = "?"
"""Kind of a parameter."""
UNKNOWN = "unknown"
"""Kind of characters that make no token."""

# What is not closed is one token up to the end: looking for its end again from every further quotation mark would
# take quadratic time.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+ | --[^\r\n]* | /\*.*?\*/)
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    | "(?P<quoted>(?:[^"]|"")*)"
    | '(?P<string>(?:[^']|'')*)'
    | `(?P<ion>[^`]*)`
    | (?P<bad_number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE](?![+-]?[0-9]))
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<sign><<|>>|[()\[\]{}.,:;*?])
    | (?P<operator><=|>=|<>|!=|\|\||(?!/\*)[=<>+\-/%@])
    | (?P<unknown>["'`].*|/\*.*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERAL_WORDS = frozenset(("null", "missing", "true", "false", "as", "at", "by", "for"))


class Token(NamedTuple):
    """A piece of the text."""

    kind: str
    """A sign, and a word of its own meaning (`null`, `missing`, `true`, `false`, `as`, `at`, `by`, `for`), is its own
    kind."""
    text: str
    """Identifiers and strings without their quotation marks."""
    start: int
    """Offset in the statement."""
    end: int
    """Offset behind the token."""


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a statement, the end included; the first of kind UNKNOWN is the last."""
    tokens: list[Token] = []
    for token in _pieces(text):
        if tokens and (joined := JOINED.get((tokens[-1].text, token.text))) and _are_words(tokens[-1], token):
            kind = OPERATOR if OPERATOR in (token.kind, tokens[-1].kind) else WORD
            tokens[-1] = Token(kind, joined, tokens[-1].start, token.end)
        else:
            tokens.append(token)
        if token.kind == UNKNOWN:
            return tokens
    tokens.append(Token(END, "", len(text), len(text)))
    return tokens


def _are_words(first: Token, second: Token) -> bool:
    return first.kind in (WORD, OPERATOR) and second.kind in (WORD, OPERATOR)


def _pieces(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group != "space":
            yield _token(group or UNKNOWN, match)


def _token(group: str, match: re.Match[str]) -> Token:
    piece, (start, end) = match[group], match.span()
    if group == "word":
        return _word(piece, start, end)
    if group == "quoted":
        return Token(QUOTED, piece.replace('""', '"'), start, end)
    if group == "string":
        return Token(STRING, piece.replace("''", "'"), start, end)
    if group == "operator":
        return Token(OPERATOR, "<>" if piece == "!=" else piece, start, end)
    if group == "sign":
        return Token(piece, piece, start, end)
    kinds = {"number": NUMBER, "ion": ION}
    return Token(kinds.get(group, UNKNOWN), piece, start, end)


def _word(piece: str, start: int, end: int) -> Token:
    lower = piece.lower()
    if lower in OPERATOR_WORDS:
        return Token(OPERATOR, lower, start, end)
    if lower in _LITERAL_WORDS:
        return Token(lower, piece, start, end)
    if lower in KEYWORDS:
        return Token(WORD, lower, start, end)
    return Token(NAME, piece, start, end)
