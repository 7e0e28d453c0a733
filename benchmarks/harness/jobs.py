"""Starting child processes and reading their one answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[2]
"""The repository, from which children import this package."""


_LONGEST = 1800.0
"""Seconds after which a child hangs: loading millions of items and measuring all levels take less."""


class JobError(Exception):
    """A child process failed; the text is the last line it wrote."""


def run(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run `benchmarks.harness.<module>` with a job and return its answer. Raises JobError."""
    command = [sys.executable, "-m", f"benchmarks.harness.{module}"]
    try:
        done = subprocess.run(
            command, input=orjson.dumps(job), capture_output=True, cwd=ROOT, check=False, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired:
        raise JobError(f"{module} took longer than {_LONGEST:g} seconds") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise JobError(lines[-1] if lines else f"{module} ended with {done.returncode}")
    answer: dict[str, Any] = orjson.loads(done.stdout)
    return answer
