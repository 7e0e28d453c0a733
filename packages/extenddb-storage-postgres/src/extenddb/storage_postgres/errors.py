"""Driver errors to errors of the contract: the one place, from one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from extenddb.storage import errors

_BY_STATE: dict[str, type[errors.StorageError]] = {
    # The physical schema is the guard of cached metadata.
    "42P01": errors.SchemaMismatch,  # undefined table
    "42703": errors.SchemaMismatch,  # undefined column
    "23502": errors.SchemaMismatch,  # a newer column must be given
    "40001": errors.SerializationFailure,
    "40P01": errors.SerializationFailure,  # deadlock
    "55P03": errors.SerializationFailure,  # lock_timeout
    "23505": errors.SerializationFailure,  # an absence was taken, more often than we repeat
    "25P03": errors.Unavailable,  # idle in transaction: we stood still too long
    "0A000": errors.Unavailable,  # cached plan must not change result type; the connection is replaced
    "26000": errors.Unavailable,  # a pooler between us and the server lost the prepared statement
    "57014": errors.Unavailable,  # cancelled or statement_timeout
    "42501": errors.Unavailable,  # insufficient privilege: the operator's to grant
    "3F000": errors.Unavailable,  # our schema is gone
    "25006": errors.Unavailable,  # read-only: a standby
}
_BY_CLASS: dict[str, type[errors.StorageError]] = {
    "08": errors.Unavailable,  # connection
    "53": errors.Unavailable,  # insufficient resources: disk, memory, connections
    "57": errors.Unavailable,  # operator: shutdown, crash, not yet up
    "58": errors.Unavailable,  # system error
    "XX": errors.Unavailable,  # internal error, corrupted
}


class ConnectionLost(errors.Unavailable):
    """The connection broke before a commit was asked for: nothing was applied."""


def translate(error: psycopg.Error) -> errors.StorageError | None:
    """Return the contract's error for a driver's error; None if the error is our own defect."""
    state = error.sqlstate
    if state is None:
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return errors.Unavailable(f"The connection to PostgreSQL is lost: {sentence(error)}")
        return None
    found = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    return None if found is None else found(sentence(error))


def from_state(state: str, message: str) -> Exception:
    """Return the contract's error for a server's error message, its cause attached; the driver's if it is a defect."""
    cause = psycopg.errors.lookup(state)(message)
    found = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    if found is None:
        return cause
    error = found(message)
    error.__cause__ = cause
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Translate what the driver raises inside."""
    try:
        yield
    except psycopg.Error as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


def sentence(error: BaseException) -> str:
    """Return an error's text as one line without the driver's prefixes and hints."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
