"""Checkpoints: how far a command came, in a JSON file that is replaced as a whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from extenddb.server.data.errors import DataError
from extenddb.server.data.pacing import Clock

SAVE_SECONDS = 1.0
"""How often a checkpoint that changes is written; whatever is repeated after a kill is harmless."""
_VERSION = 1


class Checkpoint:
    """The state of one command, kept in a file if one was named. Use as a context: it holds the file's lock."""

    def __init__(self, path: Path | None, *, steady: Clock) -> None:
        self._path = path
        self._steady = steady
        self._saved = steady()
        self._lock: IO[bytes] | None = None
        self.content: dict[str, Any] = {}
        """What is kept; empty for a new command."""

    def __enter__(self) -> Checkpoint:
        """Lock and read the file. Raises DataError if another process works with it, or it is no checkpoint."""
        if self._path is not None:
            self._take_lock(self._path)
            try:
                self.content = _read(self._path)
            except BaseException:
                self._unlock()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left to write."""
        try:
            if self.content:
                self.save()
        finally:
            self._unlock()

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        return str(self._path or "")

    def bind(self, identity: dict[str, Any]) -> bool:
        """Say what the command is about; tell whether the file continues it. Raises DataError if it is of another."""
        if not self.content:
            self.content = {"version": _VERSION, "about": identity}
            return False
        if self.content.get("about") != identity:
            raise DataError(
                f"The checkpoint {self.name} belongs to another command or other tables:"
                " name another file, or remove it to begin anew."
            )
        return True

    def maybe_save(self) -> None:
        """Write the file if that was not done just now."""
        if self._steady() - self._saved >= SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the file. Raises DataError."""
        self._saved = self._steady()
        if self._path is None:
            return
        draft = self._path.with_name(f".{self._path.name}.draft")
        try:
            with draft.open("wb") as file:
                file.write(orjson.dumps(self.content, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise DataError(f"The checkpoint {self._path} cannot be written: {error.strerror}.") from None

    def _take_lock(self, path: Path) -> None:
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            self._lock = path.with_name(f".{path.name}.lock").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise DataError(f"Another process works with the checkpoint {path}.") from None
        except OSError as error:
            raise DataError(f"The checkpoint {path} cannot be written: {error.strerror}.") from None

    def _unlock(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.close()
            self._lock = None


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"The checkpoint {path} cannot be read: {error.strerror}.") from None
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise DataError(f"{path} is not a checkpoint of this program.")
    return content
