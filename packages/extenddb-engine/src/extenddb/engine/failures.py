"""What a client is told when an error of the store is left over after all repetitions: the one place.

Each kind of error has its candidates, from the most to the least telling; an operation answers the first that its
service model lists, and where it lists none of them, the fallback, which every SDK knows and repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from extenddb.core.errors import (
    BACKUP_IN_USE,
    BACKUP_NOT_FOUND,
    GLOBAL_TABLE_NOT_FOUND,
    INTERNAL_SERVER_ERROR,
    RESOURCE_IN_USE,
    RESOURCE_NOT_FOUND,
    SERVICE_UNAVAILABLE,
    TABLE_ALREADY_EXISTS,
    TABLE_IN_USE,
    TABLE_NOT_FOUND,
    TRANSACTION_CONFLICT,
    ErrorType,
    ServiceError,
)
from extenddb.core.model import OPERATIONS
from extenddb.engine.ongoing import ONGOING
from extenddb.storage.errors import AlreadyExists, Conflict, NotFound, SerializationFailure, StorageError, Unavailable

_IN_USE: Final = "Attempt to change a resource which is still in use: it is being changed by another request"
_MISSING: Final = "Requested resource not found"
_EXISTS: Final = "Attempt to create a resource which is there already"

Answer: TypeAlias = tuple[ErrorType, str]
"""A kind of error, and its text."""


class _Rule(NamedTuple):
    """What becomes of one kind of store error."""

    candidates: Sequence[Answer]
    fallback: Answer


_UNKNOWN: Final = (INTERNAL_SERVER_ERROR, "The request processing has failed because of an unknown error.")
_AWAY: Final = (SERVICE_UNAVAILABLE, "The store is temporarily unavailable. Please retry the request.")
_BUSY: Final = (SERVICE_UNAVAILABLE, "The request gave way to others at the same time. Please retry the request.")
_RIVALS: Final = _Rule(
    (
        (TRANSACTION_CONFLICT, ONGOING),
        (RESOURCE_IN_USE, _IN_USE),
        (TABLE_IN_USE, _IN_USE),
        (BACKUP_IN_USE, _IN_USE),
    ),
    _BUSY,
)

_RULES: tuple[tuple[type[StorageError], _Rule], ...] = (
    (SerializationFailure, _RIVALS),
    (Conflict, _RIVALS),
    (
        NotFound,
        _Rule(
            tuple(
                (kind, _MISSING)
                for kind in (RESOURCE_NOT_FOUND, TABLE_NOT_FOUND, BACKUP_NOT_FOUND, GLOBAL_TABLE_NOT_FOUND)
            ),
            _BUSY,
        ),
    ),
    (AlreadyExists, _Rule(((RESOURCE_IN_USE, _EXISTS), (TABLE_ALREADY_EXISTS, _EXISTS)), _BUSY)),
    (Unavailable, _Rule((), _AWAY)),
    (StorageError, _Rule((), _UNKNOWN)),
)
"""By kind of store error; the first match counts."""


def service_error(operation: str, error: StorageError) -> ServiceError:
    """Return what an operation answers to an error of the store."""
    modelled = OPERATIONS[operation].errors
    rule = next(rule for kind, rule in _RULES if isinstance(error, kind))
    found = next((each for each in rule.candidates if each[0].name in modelled), rule.fallback)
    return ServiceError(*found)
