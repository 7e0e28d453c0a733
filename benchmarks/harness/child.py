"""The load process: `python -m benchmarks.harness.child`. A job is one JSON object on the standard input.

    {"kind": "load", "target": {...}, "table": name, ...}        fills a table
    {"kind": "raw", ...}                                         the same against the floor of HTTP
    {"kind": "measure", "target": {...}, "scenario": name, ...}  drives one scenario at its levels

The answer is one JSON object on the standard output.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

import orjson
from benchmarks.harness.fill import fill
from benchmarks.harness.loop import new_loop
from benchmarks.harness.measure import measure, measure_raw


def main() -> int:
    """Do one job."""
    job = orjson.loads(sys.stdin.buffer.read())
    gc.disable()  # a pause of the client would be counted as the server's
    jobs = {"load": fill, "measure": measure, "raw": measure_raw}
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(_broken)
        answer: dict[str, Any] = runner.run(jobs[job["kind"]](job))
    sys.stdout.buffer.write(orjson.dumps(answer))
    return 0


def _broken(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """End the process: after a defect in a callback the load would hang or mean nothing."""
    sys.stderr.write(f"{context.get('exception') or context['message']!r}\n")
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
