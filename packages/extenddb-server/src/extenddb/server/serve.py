"""One run of the server: make the store available, bind the port, answer until told to stop, undo all of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from extenddb.server import probe, report
from extenddb.server.auth.root import RootKey, given_or_development, master_key, stored
from extenddb.server.config import (
    ConfigError,
    Settings,
    auth_mode,
    backend_settings,
    data_folder,
    worker_count,
)
from extenddb.server.plan import Plan, reserve
from extenddb.server.supervisor import Supervisor
from extenddb.storage.registry import load_backend
from extenddb.storage.spi import Backend, BackendPlugin

log = logging.getLogger("extenddb.server")

_PROBE_SECONDS = 15.0
Say = Callable[[str], None]
"""Writes one line to the operator."""


class Stop:
    """Two signals: the first asks to stop, the second stops waiting."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._task = asyncio.current_task()

    def listen(self) -> None:
        """Take SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)

    def follow_stdin(self) -> None:
        """Take the end of the standard input as the first signal; what is written there is ignored."""
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read_stdin)

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.asked.set()

    def _signalled(self) -> None:
        if self.asked.is_set() and self._task is not None:
            self._task.cancel()
        self.asked.set()


async def run(settings: Settings, say: Say) -> None:
    """Serve until a signal. Raises ConfigError, RegistryError, StorageError; each is one sentence."""
    stop = Stop()
    stop.listen()
    if settings.process.stop_with_stdin:
        stop.follow_stdin()
    workers = worker_count(settings)
    plugin = load_backend(settings.store.backend)
    bound = reserve(settings.http.host, settings.http.port, shared=workers > 1)
    supervisor = Supervisor()
    try:
        with bound, _shared_folder(workers) as folder:
            if workers > 1:
                await supervisor.spawn(workers)
            async with plugin.provision(backend_settings(settings)) as store:
                start = _Start(
                    settings=settings, plugin=plugin, store=store, bound=bound, workers=workers, folder=folder
                )
                await _serve(start, supervisor, stop, say)
    finally:
        await supervisor.end()


def _shared_folder(workers: int) -> contextlib.AbstractContextManager[str]:
    """Return a folder in which processes leave their counts for each other; empty when there is only one."""
    if workers == 1:
        return contextlib.nullcontext("")
    return tempfile.TemporaryDirectory(prefix="extenddb-counts-", ignore_cleanup_errors=True)


class _Start:
    """What is known once the store is there."""

    def __init__(
        self,
        *,
        settings: Settings,
        plugin: BackendPlugin,
        store: Mapping[str, str],
        bound: socket.socket,
        workers: int,
        folder: str,
    ) -> None:
        self.settings = settings
        self.plugin = plugin
        self.store = store
        self.bound = bound
        self.workers = workers
        self.folder = folder

    def plan(self, root: RootKey) -> Plan:
        """Return what the processes need."""
        settings = self.settings
        chain, chain_key, authority = _certificate(settings)
        return Plan(
            settings=settings,
            store=self.store,
            host=settings.http.host,
            port=self.bound.getsockname()[1],
            key=root.key,
            metrics_folder=self.folder,
            chain=chain,
            chain_key=chain_key,
            authority=authority,
        )


async def _serve(start: _Start, supervisor: Supervisor, stop: Stop, say: Say) -> None:
    root = given_or_development(start.settings.auth, check=auth_mode(start.settings) == "sigv4")
    backend: Backend | None = None
    if start.workers == 1 or root is None:
        backend = await start.plugin.open(start.store)
    async with contextlib.AsyncExitStack() as stack:
        if backend is not None:
            stack.push_async_callback(backend.close)
            root = root or await _stored(start.settings, backend)
        assert root is not None  # noqa: S101  -- without a given key the backend was opened
        plan = start.plan(root)
        if start.workers == 1:
            await stack.enter_async_context(_here(plan, backend, start.bound))
        else:
            await stack.aclose()
            await stack.enter_async_context(_in_workers(plan, supervisor))
        await _until_stopped(plan, root, stop, say)


@contextlib.asynccontextmanager
async def _here(plan: Plan, backend: Backend | None, bound: socket.socket) -> AsyncIterator[None]:
    from extenddb.server.app import serving, settle  # the parent of workers never needs it

    assert backend is not None  # noqa: S101  -- opened by the only caller
    async with serving(plan, backend, [bound]):
        settle()
        yield


@contextlib.asynccontextmanager
async def _in_workers(plan: Plan, supervisor: Supervisor) -> AsyncIterator[None]:
    await supervisor.start(plan)
    try:
        yield
    finally:
        await supervisor.stop(plan.settings.http.drain_seconds)


async def _stored(settings: Settings, backend: Backend) -> RootKey:
    kept = not settings.store.memory and settings.store.backend != "memory"
    folder = data_folder(settings) if kept else None
    return await stored(settings.auth, backend.documents, master_key(settings.auth, folder))


async def _until_stopped(plan: Plan, root: RootKey, stop: Stop, say: Say) -> None:
    stopped = asyncio.create_task(stop.asked.wait())
    probed = asyncio.create_task(probe.until_ready(plan.endpoint, _PROBE_SECONDS))
    try:
        await asyncio.wait([stopped, probed], return_when=asyncio.FIRST_COMPLETED)
        if stop.asked.is_set():
            return
        if not probed.result():
            raise ConfigError(f"The server does not answer on its own endpoint {plan.endpoint}.")
        with report.ready_file(plan):
            for line in report.lines(plan, root):
                say(line)
            await stopped
        log.info("Stopping")
    finally:
        stopped.cancel()
        probed.cancel()


def _certificate(settings: Settings) -> tuple[str, str, str]:
    """Return chain, key and authority of the certificate to answer with, all empty for plain HTTP."""
    tls = settings.tls
    if not (tls.enabled or tls.cert):
        return "", "", ""
    from extenddb.server.http.tls import Certificate, context, ensure  # costs, and only TLS needs it

    if tls.cert:
        certificate = Certificate(chain=Path(tls.cert), key=Path(tls.key))
    else:
        certificate = ensure(data_folder(settings), settings.http.host)
    context(certificate)  # a certificate that does not fit its key is found before anything listens
    return str(certificate.chain), str(certificate.key), str(certificate.authority or "")


def execute(settings: Settings) -> None:
    """Serve in a new event loop until a signal."""
    factory = None
    if worker_count(settings) == 1:
        from extenddb.server.app import loop_factory

        factory = loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner, contextlib.suppress(asyncio.CancelledError):
        runner.run(run(settings, _say))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
