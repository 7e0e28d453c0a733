"""`Engine.execute`: from an operation's name and its request to the answer.

Decoding, dispatch, and what becomes of a store's errors are here; everything else is in `ops`.
"""

from __future__ import annotations

from typing import Any

from extenddb.core.errors import SERVICE_UNAVAILABLE, UNKNOWN_OPERATION, ServiceError
from extenddb.core.wire.decode import decode
from extenddb.engine.buckets import Buckets, NoBuckets
from extenddb.engine.context import Caller, Context, EngineSettings
from extenddb.engine.failures import service_error
from extenddb.engine.jobs import Jobs
from extenddb.engine.jobs.table import CHORES, STEPS
from extenddb.engine.operations import BY_MEMORY, OPERATIONS, REPEATABLE, Operation
from extenddb.engine.retries import pause
from extenddb.engine.tables.cache import Tables
from extenddb.storage.coalesce import Coalescer, CoalesceSettings
from extenddb.storage.errors import SchemaMismatch, SerializationFailure, StorageError
from extenddb.storage.spi import Backend

_ATTEMPTS = 4  # of one request against tables that change under it


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
        except SerializationFailure as error:
            if operation not in REPEATABLE:
                raise service_error(operation, error) from error
            await pause(0)
        except StorageError as error:
            raise service_error(operation, error) from error
        return await self._run_again(operation, run, caller, request)

    async def _run_again(self, operation: str, run: Operation, caller: Caller, request: Any) -> dict[str, Any]:
        """Answer a request that gave way to others, or met tables which are not so any more. Raises ServiceError.

        Nothing of it was applied. Every table is read after this call, so that a refusal is final.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                return await run(self.context.current(), caller, request)
            except SchemaMismatch:
                continue
            except SerializationFailure as error:
                if operation not in REPEATABLE or attempt == _ATTEMPTS - 1:
                    raise service_error(operation, error) from error
                await pause(attempt)
            except StorageError as error:
                raise service_error(operation, error) from error
        raise ServiceError(SERVICE_UNAVAILABLE, "The table keeps changing. Please retry the request.")

    async def run_jobs(self) -> None:
        """Do background work until cancelled; any number of processes may, leases keep them apart."""
        await Jobs(self.context, STEPS, CHORES).run()

    async def close(self) -> None:
        """Finish what is queued."""
        await self.context.items.close()
