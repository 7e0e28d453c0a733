"""Failures of the data commands: each is one sentence for the operator."""

from __future__ import annotations

from collections.abc import Iterator


class DataError(Exception):
    """Why a command cannot go on, in one sentence."""


class Unreachable(DataError):
    """An endpoint did not answer, or was too busy, for longer than the command was told to be patient."""


class ServiceFailure(DataError):
    """An error that an endpoint answered with."""

    def __init__(self, code: str, message: str, *, operation: str, url: str) -> None:
        super().__init__(f"{url} refused {operation}: {code}: {message or 'no reason given'}")
        self.code = code
        """Short name, such as ResourceNotFoundException."""
        self.message = message


def first(error: BaseException) -> DataError | None:
    """Return the failure inside an exception or group of exceptions; None if something else went wrong."""
    leaves = list(_leaves(error))
    others = [each for each in leaves if not isinstance(each, DataError)]
    return next((each for each in leaves if isinstance(each, DataError)), None) if not others else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
