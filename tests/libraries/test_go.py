"""Go: the AWS SDK v2 with its streams client, as a test program of Go's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from extenddb.server.testing import Server, start

SOURCE = Path(__file__).parent / "go"
BUILD_SECONDS = 400
RUN_SECONDS = 60
TESTS = 14
"""How many tests the program holds at least."""

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("go"),
    pytest.mark.skipif(
        "CI" not in os.environ and not shutil.which("go"),
        reason="Go is not installed here; where CI is set, this is no excuse",
    ),
]


def run(
    command: list[str], seconds: float, env: dict[str, str], folder: Path = SOURCE
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; never longer than some seconds."""
    return subprocess.run(command, cwd=folder, env=env, timeout=seconds, capture_output=True, encoding="utf-8")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, made of exactly the modules that go.sum names; what the compiler keeps makes the next time short."""
    built = tmp_path_factory.mktemp("go") / "libraries.test"
    env = dict(os.environ) | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    result = run(["go", "test", "-vet=off", "-c", "-o", str(built), "."], BUILD_SECONDS, env)
    assert result.returncode == 0, result.stdout + result.stderr
    return built


@pytest.fixture(scope="module")
def signed() -> Iterator[Server]:
    """A server that checks signatures."""
    with start(auth="sigv4") as running:
        yield running


def test_sdk(program: Path, signed: Server, tmp_path: Path) -> None:
    """The program fails too if the SDK logs a warning, or an answer has a missing or wrong checksum."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    result = run([str(program), "-test.v", "-test.timeout=50s"], RUN_SECONDS, kept | signed.environment(), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    found = re.findall(r"^--- (PASS|FAIL|SKIP): \w+", result.stdout, re.MULTILINE)
    assert len(found) >= TESTS
    assert set(found) == {"PASS"}
