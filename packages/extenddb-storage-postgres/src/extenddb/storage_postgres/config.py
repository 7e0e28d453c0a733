"""The backend's settings: opaque text to everyone else, checked here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from extenddb.storage.errors import Unavailable
from extenddb.storage.model import Settings

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_TRUE = frozenset(("true", "1", "yes", "on"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings with meaning."""

    url: str | None
    """A libpq URL or DSN; None runs an embedded PostgreSQL."""
    data_dir: Path | None
    """Where the embedded PostgreSQL keeps its data, in the folder `postgres`."""
    memory: bool
    """Embedded in a temporary folder without syncing; gone at the end."""
    pg_bin: str | None
    """Directory of PostgreSQL's programs for the embedded server."""
    schema: str
    """The schema that holds everything; several stores may share a database."""
    pool_size: int
    """Most connections of one process."""
    pool_timeout: float
    """Seconds to wait for a connection before the store counts as unavailable."""
    lock_timeout: float
    """Seconds to wait for another's row lock before giving the work up."""


def parse(settings: Settings) -> Config:
    """Return the settings with meaning. Raises Unavailable for one that makes no sense."""
    schema = settings.get("schema", "extenddb")
    if _NAME.fullmatch(schema) is None:
        raise Unavailable(f"The setting schema must be a plain lower-case name, not {schema!r}.")
    data_dir = settings.get("data_dir")
    return Config(
        url=settings.get("url") or None,
        data_dir=Path(data_dir).expanduser().absolute() if data_dir else None,
        memory=settings.get("memory", "").lower() in _TRUE,
        pg_bin=settings.get("pg_bin") or None,
        schema=schema,
        pool_size=int(_number(settings, "pool_size", 10, least=1)),
        pool_timeout=_number(settings, "pool_timeout", 10, least=0.01),
        lock_timeout=_number(settings, "lock_timeout", 10, least=0.01),
    )


def _number(settings: Settings, name: str, default: float, *, least: float) -> float:
    text = settings.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = -1
    if not least <= value < float("inf"):
        raise Unavailable(f"The setting {name} must be a number of at least {least:g}, not {text!r}.")
    return value
