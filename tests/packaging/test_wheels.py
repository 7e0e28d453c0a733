"""What users install: wheels built from the workspace, in an environment that has never seen the repository."""

from __future__ import annotations

import email
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("core", "storage", "engine", "storage-postgres", "server")
UV = Path(sys.executable).with_name("uv")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build every distribution once; returns the wheel of each."""
    out = tmp_path_factory.mktemp("wheels")
    subprocess.run([UV, "build", "--all-packages", "--wheel", "--out-dir", out, "--quiet"], cwd=ROOT, check=True)
    return {name: next(out.glob(f"extenddb_{name.replace('-', '_')}-*.whl")) for name in DISTRIBUTIONS}


@pytest.fixture(scope="session")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install all wheels into an empty environment; returns its bin folder."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, home], check=True)
    command: list[Path | str] = [UV, "pip", "install", "--quiet", "--python", home / "bin" / "python"]
    subprocess.run([*command, "--find-links", wheels["core"].parent, *wheels.values()], check=True)
    return home / "bin"


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_wheel_holds_exactly_its_portion_of_the_namespace(wheels: dict[str, Path], name: str) -> None:
    module = f"extenddb/{name.replace('-', '_')}/"
    files = zipfile.ZipFile(wheels[name]).namelist()
    code = [file for file in files if ".dist-info/" not in file]
    assert [file for file in code if not file.startswith(module)] == []
    assert f"{module}py.typed" in code
    assert f"{module}__init__.py" in code
    assert not any("/tests/" in file for file in code)
    assert any(file.endswith("licenses/LICENSE") for file in files)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_siblings_are_bounded(wheels: dict[str, Path], name: str) -> None:
    archive = zipfile.ZipFile(wheels[name])
    metadata = next(file for file in archive.namelist() if file.endswith(".dist-info/METADATA"))
    message = email.message_from_bytes(archive.read(metadata))
    siblings = [each for each in message.get_all("Requires-Dist") or [] if each.startswith("extenddb-")]
    assert all(">=" in each and "<" in each for each in siblings), siblings
    assert message["License-Expression"] == "Apache-2.0"
    assert message["Requires-Python"] == ">=3.11"


def test_core_alone_parses_an_expression(wheels: dict[str, Path], tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, home], check=True)
    python = home / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "--no-index", wheels["core"]], check=True)
    script = (
        "from extenddb.core.expressions import Placeholders, bind_condition\n"
        "held = bind_condition('a > :v', Placeholders(None, {':v': {'N': '1'}})).matches({'a': {'N': '2'}})\n"
        "print(held)"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "True\n"


def test_backends_are_found_by_entry_point(environment: Path, tmp_path: Path) -> None:
    script = "from extenddb.storage.registry import names; print(sorted(names()))"
    done = subprocess.run(
        [environment / "python", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "['memory', 'postgres']\n"


@pytest.fixture
def server(environment: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run the installed program on its embedded default; yields the ready file's content."""
    ready = tmp_path / "ready.json"
    command: list[Path | str] = [
        environment / "extenddb-server",
        "--port",
        "0",
        "--data-dir",
        tmp_path / "data",
        "--ready-file",
        ready,
    ]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("EXTENDDB_", "AWS_"))}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=log, stderr=log) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.05)
            yield json.loads(ready.read_text())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, (tmp_path / "log").read_text()
    assert not ready.exists()


@pytest.mark.postgres
def test_installed_program_serves_a_client(server: dict[str, str]) -> None:
    import boto3

    client = boto3.client(
        "dynamodb",
        endpoint_url=server["endpoint"],
        region_name=server["region"],
        aws_access_key_id=server["access_key_id"],
        aws_secret_access_key=server["secret_access_key"],
    )
    client.create_table(
        TableName="packaged",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="packaged", Item={"id": {"S": "a"}, "value": {"N": "1.50"}})
    assert client.get_item(TableName="packaged", Key={"id": {"S": "a"}})["Item"]["value"] == {"N": "1.5"}


def test_versions_of_the_workspace_agree() -> None:
    versions = {
        tomllib.loads((ROOT / f"packages/extenddb-{name}/pyproject.toml").read_text())["project"]["version"]
        for name in DISTRIBUTIONS
    }
    assert len(versions) == 1
