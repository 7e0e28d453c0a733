"""The examples run as a reader would run them: as programs, against a server on PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from extenddb.server.testing import Server

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "world_cities"
CACHE = Path(os.environ.get("EXTENDDB_EXAMPLES_CACHE") or ROOT / "examples" / ".cache")
# Bounds for a machine under heavy load; alone, everything together takes one to two minutes on two cores.
DOWNLOAD_SECONDS = 300
LOAD_SECONDS = 500
PATTERN_SECONDS = 300

needs_node = pytest.mark.skipif(
    "CI" not in os.environ and not (shutil.which("node") and shutil.which("npm")),
    reason="Node.js is not installed here; where CI is set, this is no excuse",
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("examples"),
]


def run(
    command: Sequence[str | Path], environment: Mapping[str, str], *, seconds: float, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; never longer than some seconds."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(environment),
        timeout=seconds,
        capture_output=True,
        encoding="utf-8",
    )


def finished(result: subprocess.CompletedProcess[str]) -> str:
    """Return the output of a program that succeeded."""
    assert result.returncode == 0, f"{result.args}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def module(name: str) -> list[str]:
    """Return the command for a program of the example."""
    return [sys.executable, "-m", f"examples.world_cities.{name}"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The right answers, computed without a server. The first run downloads the data set."""
    file = tmp_path_factory.mktemp("answers") / "answers.json"
    finished(run([*module("answers"), file], os.environ, seconds=DOWNLOAD_SECONDS))
    return file


@pytest.fixture(scope="module")
def loaded(answers: Path, program_environment: dict[str, str]) -> str:
    """The loaded table; the value is what the loader printed."""
    return finished(run(module("load"), program_environment, seconds=LOAD_SECONDS))


@pytest.fixture(scope="module")
def javascript() -> Path:
    """The JavaScript program beside its packages, which npm installs from the lock file."""
    source, folder = EXAMPLE / "javascript", CACHE / "javascript"
    folder.mkdir(parents=True, exist_ok=True)
    lock, installed = source / "package-lock.json", folder / "installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder / name)
        npm = shutil.which("npm") or "npm"
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        finished(run(command, os.environ, seconds=DOWNLOAD_SECONDS, cwd=folder))
        shutil.copy(lock, installed)
    return Path(shutil.copy(source / "patterns.mjs", folder / "patterns.mjs"))


Program = Callable[[Path], subprocess.CompletedProcess[str]]
"""Runs the patterns of one language against a file of answers."""


@pytest.fixture(params=["boto3", "cli", pytest.param("javascript", marks=[pytest.mark.node, needs_node])])
def program(request: pytest.FixtureRequest, loaded: str, program_environment: dict[str, str]) -> Program:
    """The program of each language."""

    def commands(answers: Path) -> list[str | Path]:
        if request.param == "boto3":
            return [*module("patterns"), "--answers", answers]
        if request.param == "cli":
            return ["sh", EXAMPLE / "cli.sh", answers]
        return ["node", request.getfixturevalue("javascript"), answers]

    environment = program_environment | {"PYTHON": sys.executable}
    return lambda answers: run(commands(answers), environment, seconds=PATTERN_SECONDS)


def test_every_record_is_loaded(loaded: str, answers: Path) -> None:
    right = json.loads(answers.read_text("utf-8"))["loaded"]
    assert right["places"] >= 100_000
    assert int(loaded.split()[0]) == right["places"] + right["countries"]


def test_patterns_answer_as_the_records_do(program: Program, answers: Path) -> None:
    lines = finished(program(answers)).splitlines()
    assert len(lines) >= 9
    assert all(line.startswith("ok ") for line in lines)


def test_a_wrong_answer_is_noticed(program: Program, answers: Path, tmp_path: Path) -> None:
    wrong: dict[str, Any] = json.loads(answers.read_text("utf-8"))
    wrong["largest"]["cities"][-1][1] += 1
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(wrong), "utf-8")
    result = program(file)
    assert result.returncode != 0
    assert str(wrong["largest"]["cities"][-1][1]) in result.stderr


def test_a_lost_record_is_noticed(
    loaded: str, answers: Path, program_environment: dict[str, str], server: Server
) -> None:
    partition = json.loads(answers.read_text("utf-8"))["partition"]
    dynamodb = server.client()
    lost = dynamodb.query(
        TableName="WorldCities",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :city)",
        ExpressionAttributeValues={":pk": {"S": f"COUNTRY#{partition['country']}"}, ":city": {"S": "CITY#"}},
        Limit=1,
    )["Items"][0]
    dynamodb.delete_item(TableName="WorldCities", Key={name: lost[name] for name in ("pk", "sk")})
    try:
        result = run([*module("patterns"), "--answers", answers], program_environment, seconds=PATTERN_SECONDS)
    finally:
        dynamodb.put_item(TableName="WorldCities", Item=lost)
    assert result.returncode != 0
    assert f"the records say {partition['count']}" in result.stderr


def test_the_readme_states_the_numbers_of_the_data(answers: Path) -> None:
    right = json.loads(answers.read_text("utf-8"))
    text = (EXAMPLE / "README.md").read_text("utf-8")
    assert (
        f"{right['loaded']['places']:,} cities, towns and villages and {right['loaded']['countries']} countries" in text
    )
    assert f"{right['leaders']['millions']} of {right['loaded']['places']:,}" in text
    assert f"all {len(right['tallies'])} with places" in text


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((EXAMPLE / "javascript" / "package-lock.json").read_text("utf-8"))["packages"]
    pinned = {name: package for name, package in packages.items() if name}
    assert pinned
    public = "https://registry.npmjs.org/"
    assert all(package["integrity"].startswith("sha512-") for package in pinned.values())
    assert all(package.get("resolved", public).startswith(public) for package in pinned.values())
