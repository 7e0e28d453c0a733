"""What can be wrong with a statement's text, and the sentences for it.

`Malformed` is for texts that the language does not have; `unsupported` and its like for what the language has and the
service refuses.
"""

from __future__ import annotations

from extenddb.core.errors import ServiceError, validation
from extenddb.core.expressions.problems import Problem
from extenddb.core.partiql.tokens import Token

_NOT_WELL_FORMED = "Statement wasn't well formed, can't be processed: "


class Malformed(Exception):
    """A token stands where it may not."""

    def __init__(self, text: str, token: Token, detail: str) -> None:
        where = Place(text, token)
        super().__init__(f"{detail or 'No token'} at {where.line}:{where.column}")
        self.token = token
        """The first token that does not fit."""
        self.detail = detail
        """What is wrong, in the language's own words; empty where not even a token can be made of the characters."""
        self.place = where
        """Where the token stands; the service does not say."""

    def as_error(self) -> ServiceError:
        """Return the ValidationException that a client is told."""
        return validation(_NOT_WELL_FORMED + self.detail)


class Place:
    """Where a token stands, as the service names places: `line:column:length`."""

    __slots__ = ("_text", "_token")

    def __init__(self, text: str, token: Token) -> None:
        """Remember the token; the lines are counted when somebody asks."""
        self._text = text
        self._token = token

    @property
    def line(self) -> int:
        """From 1."""
        return self._text.count("\n", 0, self._token.start) + 1

    @property
    def column(self) -> int:
        """From 1, in characters."""
        return self._token.start - self._text.rfind("\n", 0, self._token.start)

    def __str__(self) -> str:
        return f"{self.line}:{self.column}:{self._token.end - self._token.start}"


def unsupported(text: str) -> Problem:
    """The language has it, the service does not; `text` is the whole sentence."""
    return Problem(text, whole=True)


def unsupported_operation(name: str) -> Problem:
    """A statement of a kind that is not carried out."""
    return unsupported(f"Unsupported operation: {name}")


def unsupported_clause(name: str, place: Place) -> Problem:
    """A clause that no SELECT may have."""
    return unsupported(f"Unsupported clause: {name} at {place}")


def unsupported_token(place: Place) -> Problem:
    """An operator or literal that no condition, value or list may have."""
    return unsupported(f"Unsupported token in expression at {place}")


def unrecognized_function(name: str, place: Place) -> Problem:
    """A function that the service has not, or not in this clause."""
    return unsupported(f"Unrecognized function: {name} at {place}")


def unexpected_path(place: Place) -> Problem:
    """A step of a path that is neither a name nor a list index."""
    return unsupported(f"Unexpected path component at {place}")


def other_first_argument(name: str, place: Place) -> Problem:
    """`SET a = set_add(b, ...)`."""
    return unsupported(f"The first argument to {name.upper()} must equal the assignment value at {place}")


def second_argument_not_a_set(name: str, place: Place | str) -> Problem:
    """`SET a = set_add(a, 'x')`; the service names the place of the first argument."""
    return unsupported(f"The second argument to {name.upper()} must be a value with type SET at {place}")
