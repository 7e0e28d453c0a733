"""The benchmark program works: a second of measuring, a result that reads back, ratios of two results."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "benchmarks" / "run.py"
LIMIT = 240


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `benchmarks` be imported however pytest was started."""
    monkeypatch.syspath_prepend(str(ROOT))


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One short run of the whole: floor, server and a variant, three operations, closed and open loop."""
    out = tmp_path_factory.mktemp("bench") / "a.json"
    sizes = ("--items", "120", "--pool", "80", "--starts", "1", "--backend", "memory")
    times = ("--seconds", "0.05", "--warmup", "0.02", "--clients", "2", "--open-loop", "100")
    names = ("--only", "get,put-new,query-50", "--also", "gather-off", "--out", str(out))
    done = program("run", *sizes, *times, *names)
    assert done.returncode == 0, done.stderr
    assert "**server**" in done.stdout
    assert "**gather-off**" in done.stdout
    return out


def read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def test_result_holds_every_operation_at_every_level(result: Path) -> None:
    found = read(result)
    assert [target["name"] for target in found["targets"]] == ["server", "gather-off"]
    for target in found["targets"]:
        assert [each["scenario"] for each in target["results"]] == ["get", "put-new", "query-50"]
        for each in target["results"]:
            assert each["status"] == "measured", each
            assert [(level["clients"], level["rate"]) for level in each["levels"]] == [(2, 0.0), (64, 100.0)]
            closed = each["levels"][0]
            assert closed["requests"] > 0
            assert closed["errors"] == {}
            assert closed["ms"]["p50"] <= closed["ms"]["p99"] <= closed["ms"]["max"]
    assert found["floors"]["http"]["levels"][0]["requests"] > 0
    assert found["starts"]["first_s"]["median"] > 0
    assert found["targets"][0]["memory"]["idle"][0]["rss"] > 1_000_000


def test_result_names_neither_machine_nor_places(result: Path) -> None:
    import platform

    text = result.read_text()
    assert str(result.parent) not in text
    assert str(ROOT) not in text
    assert platform.node() not in text
    assert "secret" not in text


def test_plot_is_well_formed(result: Path) -> None:
    root = ET.fromstring(result.with_suffix(".svg").read_text())
    assert root.tag.endswith("svg")
    assert "GetItem" in [element.text for element in root.iter() if element.tag.endswith("text")]


def test_comparison_gives_ratios_of_matching_lines(result: Path, tmp_path: Path) -> None:
    doubled = read(result)
    level = doubled["targets"][0]["results"][0]["levels"][0]
    level["ops"] *= 2
    level["ms"]["p50"] /= 4
    second = tmp_path / "b.json"
    second.write_text(json.dumps(doubled))
    done = program("compare", str(result), str(second))
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.partition("**server**")[2].splitlines() if "GetItem" in line)
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[1:5] == ["GetItem", "2", "2.00x", "0.25x"]


def test_table_of_a_kept_result(result: Path) -> None:
    done = program("table", str(result))
    assert done.returncode == 0, done.stderr
    assert "`benchmarks/run.py run --items 120" in done.stdout
    assert "--out" not in done.stdout


@pytest.mark.postgres
def test_bulk_measures_every_way_beside_raw_copy(tmp_path: Path) -> None:
    out = tmp_path / "bulk.json"
    sizes = ("--items", "400", "--objects", "3", "--rounds", "1", "--workers", "1", "--kinds", "mixed,indexed")
    done = program("bulk", *sizes, "--ways", "import,bulk-put,restore", "--out", str(out))
    assert done.returncode == 0, done.stderr
    ways = ["stored", "sorted", "import", "bulk-put", "restore"]
    lines = read(out)["lines"]
    assert [(line["kind"], line["way"]) for line in lines] == [(k, w) for k in ("mixed", "indexed") for w in ways]
    assert all(line["items_per_s"] > 0 and 300 < line["row_bytes"] < 900 for line in lines)
    assert [line["ratio"] for line in lines if line["way"] == "stored"] == [1.0, 1.0]
    assert "raw COPY, in the order of keys" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--only", "nothing"), "no scenario is called nothing"),
        (("bulk", "--ways", "nothing"), "nothing is none of import"),
        (("bulk", "--ways", "restore"), "the import is always measured"),
        (("run", "--seconds", "900"), "at most 240 seconds"),
        (("run", "--peer", "somewhere"), "not of the form NAME=http"),
        (("table", "no-such-file.json"), "No such file"),
    ],
)
def test_mistakes_are_one_sentence(arguments: Sequence[str], sentence: str) -> None:
    done = program(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_unreachable_peer_is_one_sentence(tmp_path: Path) -> None:
    done = program("run", "--no-server", "--no-floors", "--peer", "p=http://127.0.0.1:9", "--out", str(tmp_path / "r"))
    assert done.returncode == 1
    assert "refused" in done.stderr


ANSWERS: tuple[list[bytes], ...] = (
    [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
    [b"HTTP/1.1 200 OK\r\ncontent-le", b"ngth: 4\r\n\r\n{", b"  }"],
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"0\r\n", b"\r\n"],
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"],
    [b'HTTP/1.1 400 Bad Request\r\nContent-Length: 30\r\n\r\n{"__type":"a.b#OddException"  }'],
    [b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\noops"],
    [],
)
"""Answers in the pieces they arrive in; the last is an end of the connection without any."""


async def _driven() -> Any:
    from benchmarks.harness.client import ClosedLoop, Tally
    from benchmarks.harness.target import Target

    pending = iter(ANSWERS)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1):
            parts = next(pending)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.005)  # so that pieces arrive apart
            if not parts or b"close" in parts[0]:
                break
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(name="t", endpoint=f"http://127.0.0.1:{port}", access_key_id="k", secret_access_key="s")
    tally = Tally()
    tally.open = True
    load = ClosedLoop(target, iter([b"x"] * len(ANSWERS)), tally)
    async with asyncio.timeout(20):
        await load.open(1)
        await load.exhausted.wait()
        await load.finish()
    server.close()
    return tally


def test_client_reads_every_kind_of_answer() -> None:
    tally = asyncio.run(_driven())
    assert len(tally.latencies) == 4
    assert tally.errors == {"OddException": 1, "HTTP 503": 1, "ConnectionLost": 1}


class _Older(BaseHTTPRequestHandler):
    """A server that knows tables and nothing else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["X-Amz-Target"].endswith("Table")
        table = {"Table": {"TableStatus": "ACTIVE"}}
        body = json.dumps(table if known else {"__type": "com.amazon.coral.service#UnknownOperationException"}).encode()
        self.send_response(200 if known else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_operation_that_the_server_lacks_is_absent(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    quick = ("--no-server", "--no-floors", "--only", "put-index-0")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Older) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        peer = f"older=http://127.0.0.1:{server.server_address[1]}"
        try:
            done = program("run", *quick, "--peer", peer, "--out", str(out))
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 0, done.stderr
    assert read(out)["targets"][0]["results"][0]["status"] == "absent"
    assert "absent: UnknownOperationException" in done.stdout


def test_cpu_of_a_tree_holds_its_work() -> None:
    from benchmarks.harness.cpu import usage

    code = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        spent = usage(child.pid)
        child.communicate()
    assert 0.2 <= spent.server <= 5
    assert spent.database == 0


def test_items_are_about_400_bytes_as_the_service_counts() -> None:
    from benchmarks.harness.data import item

    def size(value: dict[str, Any]) -> int:
        ((kind, inner),) = value.items()
        if kind == "M":
            return 3 + sum(len(name) + 1 + size(each) for name, each in inner.items())
        if kind == "L":
            return 3 + sum(1 + size(each) for each in inner)
        return {"S": len(str(inner)), "BOOL": 1, "N": len(str(inner)) // 2 + 1}[kind]

    sizes = [sum(len(name) + size(value) for name, value in item(number).items()) for number in (0, 7, 99_999)]
    assert all(370 <= each <= 430 for each in sizes), sizes


def test_every_floor_named_by_a_scenario_is_measured() -> None:
    source = (ROOT / "benchmarks" / "harness" / "db_floor.py").read_text()
    from benchmarks.harness.scenarios import SCENARIOS

    named = {scenario.floor for scenario in SCENARIOS if scenario.floor}
    assert named == {"get-32", "put-32", "change-32", "page-50"}
    assert all(f'"{name}", steps.' in source for name in named)


def test_writers_of_blocks_share_no_item_with_their_neighbours() -> None:
    from benchmarks.harness.scenarios import BY_NAME

    bodies = [BY_NAME["transact-write-10"].body(number, 100_000) for number in range(64)]
    keys = [json.dumps([put["Put"]["Item"][name] for name in "ps"]) for body in bodies for put in body["TransactItems"]]
    assert len(set(keys)) == 640
