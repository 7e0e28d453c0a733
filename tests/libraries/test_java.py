"""Java: the AWS SDK v2 with its enhanced client and its streams client, as a program of Java's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from extenddb.server.testing import Server

SOURCE = Path(__file__).parent / "java"
CACHE = Path(os.environ.get("EXTENDDB_LIBRARIES_CACHE") or Path(__file__).parent / ".cache") / "java"
RESOLVE = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
INSTALL_SECONDS = 300
RUN_SECONDS = 120
CHECKS = 9
"""How many checks the program makes."""

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("java"),
    pytest.mark.skipif(
        "CI" not in os.environ and not all(map(shutil.which, ("java", "javac", "mvn"))),
        reason="Java and Maven are not installed here; where CI is set, this is no excuse",
    ),
]


def run(command: list[str], seconds: float, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; never longer than some seconds."""
    return subprocess.run(command, cwd=CACHE, env=env, timeout=seconds, capture_output=True, encoding="utf-8")


@pytest.fixture(scope="module")
def classpath() -> str:
    """Where the SDK is, in the versions that pom.xml names; asked of Maven once for each state of that file."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept, pom = CACHE / "classpath.txt", CACHE / "pom.xml"
    current = pom.exists() and pom.read_bytes() == (SOURCE / "pom.xml").read_bytes()
    if not (current and kept.exists() and all(map(os.path.exists, kept.read_text("utf-8").split(os.pathsep)))):
        kept.unlink(missing_ok=True)
        shutil.copy(SOURCE / "pom.xml", pom)
        result = run(
            ["mvn", "-q", "-B", "-ntp", RESOLVE, f"-Dmdep.outputFile={kept}"], INSTALL_SECONDS, dict(os.environ)
        )
        assert result.returncode == 0, result.stdout + result.stderr
    return kept.read_text("utf-8")


@pytest.fixture(scope="module")
def program(classpath: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The class path with the compiled program."""
    folder = str(tmp_path_factory.mktemp("java"))
    command = ["javac", "-nowarn", "-d", folder, "-cp", classpath, str(SOURCE / "Libraries.java")]
    result = run(command, RUN_SECONDS, dict(os.environ))
    assert result.returncode == 0, result.stdout + result.stderr
    return classpath + os.pathsep + folder


def test_sdk(program: str, server: Server) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # A short program: what the second compiler would gain is less than it costs.
    options = ["-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    result = run(["java", *options, "-cp", program, "Libraries"], RUN_SECONDS, kept | server.environment())
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(re.findall(r"^ok - ", result.stdout, re.MULTILINE)) == CHECKS
    assert "WARN" not in result.stderr
