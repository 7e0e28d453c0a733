#!/usr/bin/env python3
"""Measures a server: `.venv/bin/python benchmarks/run.py --help`. The method is described in README.md beside it."""

from __future__ import annotations

import sys
from pathlib import Path


def _run() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from benchmarks.harness.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(_run())
