"""What can be wrong with a statement's text, as data, and the one place where a sentence is made of it."""

from __future__ import annotations

from extenddb.core.errors import ServiceError, validation
from extenddb.core.partiql.tokens import END, UNKNOWN, Token

_NOT_WELL_FORMED = "Statement wasn't well formed, can't be processed: "
DATA_MANIPULATION = "data manipulation"
"""What the service expects at the beginning of a statement; its sentence ends there."""
_SHOWN = 40  # characters of a wrong token in a message


class Malformed(Exception):
    """A token stands where it may not."""

    def __init__(self, text: str, token: Token, expected: str) -> None:
        super().__init__(f"expected {expected} at offset {token.start}")
        self.token = token
        """The first token that does not fit."""
        self.expected = expected
        """What could stand there, in words or as written in a statement."""
        before = text[: token.start]
        self.line = before.count("\n") + 1
        """From 1."""
        self.column = token.start - (before.rfind("\n") + 1) + 1
        """From 1, in characters."""

    def as_error(self) -> ServiceError:
        """Return the ValidationException that a client is told."""
        if self.expected == DATA_MANIPULATION:
            return validation(f"{_NOT_WELL_FORMED}Expected {self.expected}")
        where = f"at {self.line}:{self.column}"
        if self.token.kind == END:
            return validation(f"{_NOT_WELL_FORMED}Expected {self.expected} {where}, found the end of the statement")
        found = self.token.text or self.token.kind
        shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}..."
        what = "unexpected character" if self.token.kind == UNKNOWN else "found"
        return validation(f"{_NOT_WELL_FORMED}Expected {self.expected} {where}, {what} {shown}")
