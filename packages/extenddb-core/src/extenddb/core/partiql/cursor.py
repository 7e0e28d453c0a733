"""The token cursor that every part of the grammar shares."""

from __future__ import annotations

from typing import NoReturn

from extenddb.core import limits
from extenddb.core.expressions import problems
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql.errors import Malformed, Place
from extenddb.core.partiql.tokens import END, NAME, OPERATOR, QUOTED, UNKNOWN, WORD, Token, tokenize

_NAMES = (NAME, QUOTED)


class Cursor:
    """A place among the tokens of one statement. Raises `Malformed` and `Problem`."""

    def __init__(self, text: str) -> None:
        """Make the tokens; raises `Malformed` for characters that make none."""
        self._text = text
        self._tokens = tokenize(text)
        self._position = 0
        self._operator_count = 0
        if self._tokens[-1].kind == UNKNOWN:
            raise Malformed(text, self._tokens[-1], "")

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._position]

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self._tokens[self._position].kind

    @property
    def word(self) -> str:
        """The next token if it is a keyword or an operator, else nothing."""
        return word_of(self._tokens[self._position])

    @property
    def at_name(self) -> bool:
        """Whether the next token is an identifier."""
        return self.kind in _NAMES

    @property
    def at_end(self) -> bool:
        """Whether nothing but a semicolon is left."""
        return self.kind == END or (self.kind == ";" and self.ahead(1).kind == END)

    def ahead(self, count: int) -> Token:
        """Return a later token, 1 for the one behind the next; behind the last stands the end."""
        return self._tokens[min(self._position + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Consume the next token."""
        token = self._tokens[self._position]
        self._position += 1
        return token

    def accept(self, kind: str) -> bool:
        """Consume the next token if it is of this kind."""
        if self.kind != kind:
            return False
        self._position += 1
        return True

    def accept_word(self, word: str) -> bool:
        """Consume the next token if it is this keyword or operator."""
        if self.word != word:
            return False
        self._position += 1
        return True

    def fail(self, detail: str) -> NoReturn:
        """Raise the error for the next token."""
        raise Malformed(self._text, self.token, detail)

    def place(self, token: Token) -> Place:
        """Return where a token stands."""
        return Place(self._text, token)

    def count_operator(self) -> None:
        """Count one operator or function; raises when there are too many."""
        self._operator_count += 1
        if self._operator_count > limits.EXPRESSION_OPERATORS:
            raise problems.too_many_operators(self._operator_count)

    def name(self) -> str:
        """Consume the next token, an identifier."""
        token = self.advance()
        if not token.text:
            raise Problem("Path component cannot be an empty string", whole=True)
        return token.text

    def finish(self) -> None:
        """Check that the whole text has been consumed, a semicolon apart."""
        if self.at_end:
            return
        if self.kind == ";":
            self.fail("Unexpected token after semicolon. (Only one query is allowed.)")
        self.fail("Unexpected token after expression")


def word_of(token: Token) -> str:
    """Return a token's text if it is a keyword or an operator."""
    return token.text if token.kind in (WORD, OPERATOR) else ""
