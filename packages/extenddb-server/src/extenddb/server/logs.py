"""The log: lines for people, or one JSON object per line for collectors. Nobody outside decides how long it gets."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable

_WINDOW_SECONDS = 10.0
_SHOWN = 20
"""Warnings and errors of one kind that are shown in a window."""
_KINDS = 1000


class _JsonLines(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; a traceback is one text member."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Sparing(logging.Filter):
    """Leaves out what is repeated too often, and says how much that was.

    Records are of one kind when they come from the same call: by logger, level and text without its arguments.
    What is less than a warning was asked for, and stays.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to show a record; the first one after some that were left out says how many they were."""
        if record.levelno < logging.WARNING:
            return True
        kind = (record.name, record.levelno, str(record.msg))
        now = self._clock()
        begun, count = self._kinds.get(kind, (now, 0))
        if now - begun >= _WINDOW_SECONDS:
            if count > _SHOWN:
                record.msg = f"{record.msg} ({count - _SHOWN} more like this were left out before)"
            begun, count = now, 0
        if kind not in self._kinds and len(self._kinds) >= _KINDS:
            self._kinds.clear()
        self._kinds[kind] = (begun, count + 1)
        return count < _SHOWN


def set_up(level: str, form: str) -> None:
    """Send the log of this process to the standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(_JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(Sparing())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(max(logging.WARNING, logging.getLogger().level))
