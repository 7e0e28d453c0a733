"""`Engine.execute`: from an operation's name and its request to the answer.

Decoding, dispatch, and what becomes of a store's errors are here; everything else is in `ops`.
"""

from __future__ import annotations

from typing import Any

from extenddb.core.errors import (
    INTERNAL_SERVER_ERROR,
    SERVICE_UNAVAILABLE,
    TRANSACTION_CONFLICT,
    UNKNOWN_OPERATION,
    ErrorType,
    ServiceError,
)
from extenddb.core.wire.decode import decode
from extenddb.engine.buckets import Buckets, NoBuckets
from extenddb.engine.context import Caller, Context, EngineSettings
from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import CHORES, STEPS
from extenddb.engine.ongoing import ONGOING
from extenddb.engine.operations import BY_MEMORY, OPERATIONS, Operation
from extenddb.engine.tables.cache import Tables
from extenddb.storage.coalesce import Coalescer, CoalesceSettings
from extenddb.storage.errors import SchemaMismatch, SerializationFailure, StorageError, Unavailable
from extenddb.storage.spi import Backend

_ATTEMPTS = 4  # of one request against tables that change under it

_SERVICE_ERRORS: tuple[tuple[type[StorageError], ErrorType, str], ...] = (
    (
        SerializationFailure,
        TRANSACTION_CONFLICT,
        ONGOING,
    ),
    (Unavailable, SERVICE_UNAVAILABLE, "The store is temporarily unavailable. Please retry the request."),
    (StorageError, INTERNAL_SERVER_ERROR, "The request processing has failed because of an unknown error."),
)
"""What a client is told when a store's error is left over after all retries; the first match counts."""


class Engine:
    """Answers operations over one open backend. Does not own the backend: whoever opened it closes it."""

    def __init__(
        self, backend: Backend, settings: EngineSettings | None = None, *, buckets: Buckets | None = None
    ) -> None:
        """Answer over a store; without `buckets` there is nothing to export to or import from."""
        settings = settings or EngineSettings()
        self.context = Context(
            backend=backend,
            items=Coalescer(backend.items, CoalesceSettings(gather=settings.gather)),
            tables=Tables(backend.catalog),
            settings=settings,
            buckets=buckets or NoBuckets(),
        )

    async def execute(self, operation: str, caller: Caller, payload: object) -> dict[str, Any]:
        """Answer one operation; `payload` is the parsed JSON body.

        The answer is for the JSON encoder of `codec`: it may hold stored bytes. Raises ServiceError, and nothing else
        but defects.
        """
        run = OPERATIONS.get(operation)
        if run is None:
            raise ServiceError(UNKNOWN_OPERATION)
        request = decode(operation, payload)
        context = self.context if operation in BY_MEMORY else self.context.current()
        tables = context.tables
        remembered = tables.remembered
        try:
            return await run(context, caller, request)
        except SchemaMismatch:
            pass
        except ServiceError as refusal:
            if refusal.settled or tables.remembered == remembered:
                raise
        except StorageError as error:
            raise _service_error(error) from error
        return await self._run_again(run, caller, request)

    async def _run_again(self, run: Operation, caller: Caller, request: Any) -> dict[str, Any]:
        """Answer a request that met, or may have met, tables which are not so any more. Raises ServiceError.

        Nothing of it was applied. Every table is read after this call, so that a refusal is final.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return await run(self.context.current(), caller, request)
            except SchemaMismatch:
                continue
            except StorageError as error:
                raise _service_error(error) from error
        raise ServiceError(SERVICE_UNAVAILABLE, "The table keeps changing. Please retry the request.")

    async def run_jobs(self) -> None:
        """Do background work until cancelled; any number of processes may, leases keep them apart."""
        await Jobs(self.context, STEPS, CHORES).run()

    async def close(self) -> None:
        """Finish what is queued."""
        await self.context.items.close()


def _service_error(error: StorageError) -> ServiceError:
    for kind, answer, message in _SERVICE_ERRORS:
        if isinstance(error, kind):
            return ServiceError(answer, message)
    raise AssertionError  # the last row matches every StorageError
