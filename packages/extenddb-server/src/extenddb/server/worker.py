"""A worker process: `python -m extenddb.server.worker`, started and fed by the supervisor.

One line of JSON on the standard input is its plan; the end of that input means that the supervisor is gone. It
answers `ready` on the standard output. Modules are imported before the plan is read, so that workers warm up while
the store is made available.
"""

from __future__ import annotations

import asyncio
import ctypes
import shutil
import signal
import sys

import orjson

from extenddb.server.app import loop_factory, serving, settle
from extenddb.server.config import ConfigError
from extenddb.server.logs import set_up
from extenddb.server.plan import Plan, bind, plan_from_json
from extenddb.storage.errors import StorageError
from extenddb.storage.registry import RegistryError, load_backend

READY = b"ready\n"
_PR_SET_PDEATHSIG = 1
_LEFT_ALONE = signal.SIGUSR1
"""What the kernel sends when the supervisor dies: another signal than the one by which it asks to stop."""


def main() -> int:
    """Run one worker and return its exit code."""
    _die_with_parent()
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    plan = plan_from_json(orjson.loads(line))
    set_up(plan.settings.process.log_level, plan.settings.process.log_format)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(plan))
    except (ConfigError, RegistryError, StorageError) as error:
        sys.stderr.write(f"extenddb-server: {error}\n")
        return 1
    return 0


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _LEFT_ALONE)


class _Stop:
    """Why a worker ends: the supervisor asks for it, or is gone."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.alone = False
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.asked.set)
        loop.add_signal_handler(_LEFT_ALONE, self._left_alone)
        loop.add_reader(sys.stdin.fileno(), self._left_alone)

    def _left_alone(self) -> None:
        """Stop at the end of the standard input, where the supervisor writes no second line."""
        self.alone = True
        self.forget()
        self.asked.set()

    def forget(self) -> None:
        """Look at the standard input no longer."""
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


async def _serve(plan: Plan) -> None:
    stop = _Stop()
    backend = await load_backend(plan.settings.store.backend).open(plan.store)
    try:
        bound = bind(plan.host, plan.port, shared=True)
        async with serving(plan, backend, [bound]):
            settle()
            sys.stdout.buffer.write(READY)
            sys.stdout.buffer.flush()
            await stop.asked.wait()
    finally:
        stop.forget()
        if stop.alone and plan.metrics_folder:
            shutil.rmtree(plan.metrics_folder, ignore_errors=True)  # nobody else is left to do it
        await backend.close()


if __name__ == "__main__":
    sys.exit(main())
