"""JavaScript: the AWS SDK v3 with its document and streams clients, Dynamoose, ElectroDB, DynamoDB-Toolbox.

Each is a test file of Node's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from extenddb.server.testing import Server

SOURCE = Path(__file__).parent / "javascript"
CACHE = Path(os.environ.get("EXTENDDB_LIBRARIES_CACHE") or Path(__file__).parent / ".cache") / "javascript"
INSTALL_SECONDS = 300
RUN_SECONDS = 120
LIBRARIES = {"lib_dynamodb": 12, "streams": 3, "dynamoose": 6, "electrodb": 6, "toolbox": 5}
"""Names of the files, and how many tests each holds at least."""

pytestmark = [
    pytest.mark.node,
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("javascript"),
    pytest.mark.skipif(
        "CI" not in os.environ and not (shutil.which("node") and shutil.which("npm")),
        reason="Node.js is not installed here; where CI is set, this is no excuse",
    ),
]


def run(command: list[str], folder: Path, seconds: float, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; never longer than some seconds."""
    return subprocess.run(command, cwd=folder, env=env, timeout=seconds, capture_output=True, encoding="utf-8")


@pytest.fixture(scope="module")
def installed() -> Path:
    """The folder with the libraries, exactly those of the lock file, and the test files beside them."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lock, done = SOURCE / "package-lock.json", CACHE / "installed"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, CACHE / name)
        npm = shutil.which("npm") or "npm"
        result = run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], CACHE, INSTALL_SECONDS, dict(os.environ)
        )
        assert result.returncode == 0, result.stdout + result.stderr
        shutil.copy(lock, done)
    for file in SOURCE.glob("*.mjs"):
        shutil.copy(file, CACHE / file.name)
    return CACHE


@pytest.mark.parametrize("library", LIBRARIES)
def test_library(library: str, installed: Path, server: Server) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "NODE_"))}
    command = ["node", "--test", "--test-reporter=tap", f"{library}.test.mjs"]
    result = run(command, installed, RUN_SECONDS, kept | server.environment())
    assert result.returncode == 0, result.stdout + result.stderr
    counts = dict(re.findall(r"^# (tests|pass|fail|skipped|todo) (\d+)$", result.stdout, re.MULTILINE))
    assert int(counts["pass"]) >= LIBRARIES[library]
    assert counts["pass"] == counts["tests"]


def test_the_lock_file_names_only_the_public_registry() -> None:
    packages = json.loads((SOURCE / "package-lock.json").read_text("utf-8"))["packages"]
    pinned = [package for name, package in packages.items() if name]
    assert pinned
    assert all(package["integrity"].startswith("sha512-") for package in pinned)
    public = "https://registry.npmjs.org/"
    assert all(package.get("resolved", public).startswith(public) for package in pinned)
