"""Exports and imports of real servers' tables: what went out comes in again, in every format, kills included."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from moving import Commands, contents, eventually, fill, make_table

from extenddb.server.testing import Server

ODD = {
    "p": {"S": "é\n"},
    "s": {"N": "-1.5"},
    "v": {"N": "7"},
    "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}]}}},
    "n": {"NS": ["1", "2.5"]},
    "x": {"SS": ["a", "b"]},
    "y": {"BS": [b"\x00", b"\xff"]},
}


def outgoing(source: Server, table: str, folder: Path) -> list[str]:
    """Return the arguments of an export."""
    return ["export", "--from", source.endpoint, "--table", table, "--folder", str(folder), "--json"]


def incoming(target: Server, table: str, path: Path) -> list[str]:
    """Return the arguments of an import."""
    return ["import", "--to", target.endpoint, "--table", table, "--path", str(path), "--json"]


def normal(found: dict[str, Any]) -> dict[str, Any]:
    """Return items with their sets in one order."""
    return {key: {name: _sorted(value) for name, value in each.items()} for key, each in found.items()}


def _sorted(value: dict[str, Any]) -> dict[str, Any]:
    return {kind: sorted(content) if kind in {"SS", "NS", "BS"} else content for kind, content in value.items()}


@pytest.mark.parametrize(("form", "layout"), [("dynamodb-json", "aws"), ("dynamodb-json", "lines"), ("ion", "aws")])
def test_there_and_back(
    servers: tuple[Server, Server], commands: Commands, tmp_path: Path, form: str, layout: str
) -> None:
    source, target = servers
    name = f"Trip-{form}-{layout}"
    make_table(source.client(), name, stream="KEYS_ONLY", Tags=[{"Key": "a", "Value": "b"}])
    fill(source.client(), name, range(150), size=10_000)
    source.client().put_item(TableName=name, Item=ODD)
    folder = tmp_path / "out"
    done = commands.run(*outgoing(source, name, folder), "--format", form, "--layout", layout).succeeded()
    assert done.events[-1]["items"] == 151
    if layout == "aws":
        check_manifests(Path(done.events[-1]["folder"]), folder, items=151)
    else:
        again = commands.run(*outgoing(source, name, folder), "--format", form, "--layout", layout)
        again.failed(f"holds files of {name} already")
    described = folder / f"{name}.describe-table.json"
    came = commands.run(*incoming(target, name, folder), "--schema", str(described)).succeeded()
    assert came.events[-1]["items"] == 151
    assert normal(contents(target.client(), name)) == normal(contents(source.client(), name))
    there = target.client().describe_table(TableName=name)["Table"]
    assert there["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert target.client().list_tags_of_resource(ResourceArn=there["TableArn"])["Tags"]


def check_manifests(place: Path, folder: Path, items: int) -> None:
    """Check that manifests and data agree, as the service promises it."""
    summary = json.loads((place / "manifest-summary.json").read_bytes())
    assert summary["itemCount"] == items
    files = (place / "manifest-files.json").read_bytes()
    for name in ("manifest-summary", "manifest-files"):
        digest = hashlib.md5((place / f"{name}.json").read_bytes()).digest()
        assert (place / f"{name}.checksum").read_text() == b64encode(digest).decode()
    found = 0
    for entry in map(json.loads, files.splitlines()):
        body = (folder / entry["dataFileS3Key"]).read_bytes()
        assert entry["md5Checksum"] == b64encode(hashlib.md5(body).digest()).decode()
        assert len(gzip.decompress(body).splitlines()) == entry["itemCount"]
        found += entry["itemCount"]
    assert found == items


@pytest.mark.kill
def test_a_killed_export_and_a_killed_import_go_on(
    servers: tuple[Server, Server], commands: Commands, tmp_path: Path
) -> None:
    source, target = servers
    make_table(source.client(), "Long")
    fill(source.client(), "Long", range(1000), size=500)
    state = commands.folder / "state.json"

    def items() -> int:
        kept = json.loads(state.read_text()) if state.exists() else {}
        return sum(each["items"] for each in (*kept.get("segments", ()), *kept.get("files", {}).values()))

    out = [*outgoing(source, "Long", tmp_path / "out"), "--resume", "state.json", "--segments", "2"]
    back = [*incoming(target, "Long", tmp_path / "out"), "--resume", "state.json", "--segments", "1"]
    back += ["--schema", str(tmp_path / "out" / "Long.describe-table.json")]
    for flags in (out, back):
        with commands.running(*flags, "--rate", "300") as process:
            eventually(items, "the first items")
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        assert items() < 1000
        for garbage in (tmp_path / "out").rglob("*.gz"):
            if flags is out:
                with garbage.open("ab") as file:
                    file.write(b"half a page")
        done = commands.run(*flags).succeeded()
        assert done.events[0]["event"] == "resumed"
        assert done.events[-1]["items"] == 1000
        state.unlink()
    assert contents(target.client(), "Long") == contents(source.client(), "Long")


def test_csv_takes_types_from_the_table(servers: tuple[Server, Server], commands: Commands, tmp_path: Path) -> None:
    _, target = servers
    make_table(target.client(), "Columns")
    file = tmp_path / "in.csv"
    file.write_text('p,s,t\na,1,"x, ""y""\nz"\na,2,\nb,3,last\nb,3,wins\n')
    done = commands.run(*incoming(target, "Columns", file)).succeeded()
    assert done.events[-1]["items"] == 4
    found = {key: each["t"]["S"] for key, each in contents(target.client(), "Columns").items()}
    assert found == {"a/1": 'x, "y"\nz', "a/2": "", "b/3": "wins"}
    file.write_text("c;4\n")
    done = commands.run(*incoming(target, "Columns", file), "--csv-delimiter", ";", "--csv-header", "p,s").succeeded()
    assert contents(target.client(), "Columns")["c/4"]["s"] == {"N": "4"}


def test_an_incremental_export_puts_and_deletes(
    servers: tuple[Server, Server], commands: Commands, tmp_path: Path
) -> None:
    _, target = servers
    make_table(target.client(), "Steps")
    fill(target.client(), "Steps", range(3))
    old, new = {"p": {"S": "p1"}, "s": {"N": "1"}}, {"p": {"S": "new"}, "s": {"N": "9"}}
    records: list[dict[str, Any]] = [
        {"Keys": old, "OldImage": old},
        {"Keys": new, "NewImage": {**new, "v": {"N": "1"}}},
    ]
    lines = "".join(json.dumps({"Metadata": {}, **each}) + "\n" for each in records)
    (tmp_path / "AWSDynamoDB" / "data").mkdir(parents=True)
    (tmp_path / "AWSDynamoDB" / "data" / "abc.json.gz").write_bytes(gzip.compress(lines.encode()))
    place = tmp_path / "AWSDynamoDB" / "01-x"
    place.mkdir()
    (place / "manifest-summary.json").write_text(json.dumps({"outputFormat": "DYNAMODB_JSON"}))
    entry = {"itemCount": 2, "dataFileS3Key": "AWSDynamoDB/data/abc.json.gz"}
    (place / "manifest-files.json").write_text(json.dumps(entry) + "\n")
    commands.run(*incoming(target, "Steps", tmp_path / "AWSDynamoDB")).succeeded()
    assert sorted(contents(target.client(), "Steps")) == ["new/9", "p0/0", "p2/2"]
    (place / "manifest-files.json").write_text(json.dumps({**entry, "itemCount": 3}) + "\n")
    commands.run(*incoming(target, "Steps", tmp_path)).failed("holds 2 records, its manifest says 3")


def test_failures_are_one_sentence(servers: tuple[Server, Server], commands: Commands, tmp_path: Path) -> None:
    source, target = servers
    make_table(target.client(), "Strict")
    good, bad = {"p": {"S": "a"}, "s": {"N": "1"}}, {"p": {"S": "a"}, "s": {"S": "1"}}
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps({"Item": each}) + "\n" for each in (good, bad)) + "nonsense\n")
    flags = incoming(target, "Strict", file)
    commands.run(*flags).failed("Record 2 of ")
    done = commands.run(*flags, "--skip-bad-records").succeeded()
    assert (done.events[-1]["items"], done.events[-1]["bad"]) == (1, 2)
    commands.run(*incoming(target, "Strict", tmp_path / "none")).failed("There is nothing at")
    commands.run(*incoming(target, "Absent", file)).failed("--schema makes it")
    (tmp_path / "broken.json.gz").write_bytes(b"no gzip")
    commands.run(*incoming(target, "Strict", tmp_path / "broken.json.gz")).failed("is not GZIP")
    (tmp_path / "notes.txt").write_text("x")
    commands.run(*incoming(target, "Strict", tmp_path / "notes.txt")).failed("give --format")
    commands.run(*outgoing(source, "Absent", tmp_path / "out")).failed("does not exist")
    commands.run(*incoming(target, "Strict", file), "--schema", str(file)).failed("describes no table")
