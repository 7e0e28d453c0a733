"""The composition root: puts store, engine, authentication and HTTP together in one process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from extenddb.engine import Engine, EngineSettings
from extenddb.engine.buckets import Buckets, FolderBuckets
from extenddb.server.auth.credentials import AnyKey, Authenticator, FixedKeys, SignatureCheck
from extenddb.server.config import ConfigError, Settings, auth_mode, bucket_folder, cors_origins
from extenddb.server.http.app import HttpServer
from extenddb.server.http.cors import Cors
from extenddb.server.http.dynamodb import DynamoDb, Executor
from extenddb.server.http.limits import Limits, connections
from extenddb.server.http.metrics import Metrics
from extenddb.server.http.service import Service
from extenddb.server.http.watch import Deadlines
from extenddb.server.plan import Plan, metrics_path
from extenddb.storage.spi import Backend

log = logging.getLogger("extenddb.server")

_PUBLISH_SECONDS = 2.0
_COLLECT_AFTER = (20_000, 20, 20)
"""Objects made before cycles are looked for: a request makes hundreds; the standard 700 cost a tenth of a GetItem."""
_PAUSE_SECONDS = 5.0
"""Pause of the background work after a defect in it."""


def authenticator(plan: Plan) -> Authenticator:
    """Return what tells who calls, as the settings ask for."""
    settings = plan.settings
    if auth_mode(settings) == "off":
        return AnyKey(region=settings.service.region, account=settings.auth.account_id)
    return SignatureCheck(FixedKeys(plan.key), region=settings.service.region)


def service(plan: Plan, executor: Executor, backend: Backend, metrics: Metrics) -> Service:
    """Return everything that one port answers."""
    settings = plan.settings
    dynamodb = DynamoDb(executor, authenticator(plan), metrics=metrics, access_log=settings.http.access_log)
    return Service(
        dynamodb,
        ping=backend.ping,
        metrics=metrics,
        region=settings.service.region,
        cors=Cors(cors_origins(settings)),
        metrics_open=settings.http.metrics_open,
    )


def engine_settings(settings: Settings) -> EngineSettings:
    """Return the engine's part of the settings."""
    chosen = settings.service
    return EngineSettings(
        gather=chosen.gather,
        partition_by_region=chosen.partition_by_region,
        ttl_seconds=chosen.ttl_seconds,
        settle_seconds=chosen.settle_seconds,
        lease_seconds=chosen.lease_seconds,
        strict_waits=chosen.strict_waits,
        delay_seconds=chosen.delay_seconds,
        stream_lanes=chosen.stream_lanes,
        shard_seconds=chosen.shard_seconds,
        retention_seconds=chosen.retention_seconds,
    )


def buckets(settings: Settings) -> Buckets:
    """Return where exports are written and imports are read. Raises ConfigError."""
    service = settings.buckets.s3
    if not service:
        return FolderBuckets(bucket_folder(settings))
    from extenddb.server.data.s3 import MissingLibrary, S3Buckets  # a plain start does not pay for the library

    try:
        return S3Buckets(endpoint=None if service == "aws" else service, region=settings.service.region)
    except MissingLibrary as error:
        raise ConfigError(str(error)) from None


def limits(settings: Settings) -> Limits:
    """Return what one process gives to clients, having raised its limit of descriptors."""
    http = settings.http
    return Limits(
        connections=connections(http.max_connections),
        body_bytes=http.body_megabytes * 1024 * 1024,
        deadlines=Deadlines(stall=http.stall_seconds, kept=http.idle_seconds),
    )


@contextlib.asynccontextmanager
async def serving(plan: Plan, backend: Backend, sockets: Sequence[socket.socket]) -> AsyncIterator[HttpServer]:
    """Answer requests on bound sockets; at the end let those in flight finish. The backend stays the caller's."""
    metrics = Metrics(metrics_path(plan))
    engine = Engine(backend, engine_settings(plan.settings), buckets=buckets(plan.settings))
    server = HttpServer(service(plan, engine, backend, metrics), limits(plan.settings), metrics)
    metrics.in_flight = lambda: server.in_flight
    tasks = [asyncio.create_task(_work(engine))]
    if plan.metrics_folder:
        tasks.append(asyncio.create_task(_publish(metrics)))
    try:
        await server.listen(sockets, _tls(plan))
        yield server
    finally:
        await server.drain(plan.settings.http.drain_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.close()


def _tls(plan: Plan) -> ssl.SSLContext | None:
    if not plan.chain:
        return None
    from extenddb.server.http.tls import Certificate, context  # a plain start does not pay for the library

    return context(Certificate(chain=Path(plan.chain), key=Path(plan.chain_key)))


def settle() -> None:
    """Keep what was built at the start out of all later collections: it lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def _work(engine: Engine) -> None:
    """Do background work under leases as long as this process lives, whatever defect a step has."""
    while True:
        try:
            await engine.run_jobs()
        except Exception:
            log.exception("Background work failed; it goes on in %s s", _PAUSE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _publish(metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(_PUBLISH_SECONDS)
        try:
            metrics.publish()
        except OSError as error:
            log.warning("Counts cannot be shared: %s", error)
            return


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the faster event loop where it is installed, None for the standard one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
