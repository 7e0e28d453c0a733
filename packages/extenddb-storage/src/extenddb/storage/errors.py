"""The closed set of errors that may leave a storage backend.

A backend translates its driver's errors into these at one place. Which of them may leave a method stands in that
method's docstring in `spi`; the contract wrapper checks it. Everything else that leaves a backend is a defect.
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of all errors of the contract; the driver's error, where there is one, is the cause."""

    retry: bool = False
    """Whether the same call may succeed when repeated as it is. Nothing was applied."""


class AlreadyExists(StorageError):
    """What should be created exists."""


class NotFound(StorageError):
    """What should be changed does not exist."""


class Conflict(StorageError):
    """The version is not the expected one; nothing was changed."""


class SchemaMismatch(StorageError):
    """The given `Space` is not (or no longer) the physical shape of the table: reload its record, then repeat."""


class SerializationFailure(StorageError):
    """The store gave up the work in favour of a concurrent one; nothing was applied."""

    retry = True


class Unavailable(StorageError):
    """The store cannot be reached or has no capacity; nothing was applied."""

    retry = True


class Ambiguous(StorageError):
    """The connection was lost while committing: the work was applied as a whole or not at all, and it is not known
    which."""


class Unsupported(StorageError):
    """The backend does not have the capability that the call needs."""


class ContractViolation(StorageError):
    """A caller or a backend broke the contract; always a defect, found by the checking wrapper."""
