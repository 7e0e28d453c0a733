"""Times and durations in the text of clients: a strict form, or nothing.

Pure, and total: whatever the text, the answer is a value or None. Text that is no time is never handed to a library
that might raise something else than it documents.
"""

from __future__ import annotations

import calendar
import re
from functools import lru_cache
from time import gmtime, strftime

_BASIC = re.compile(r"([0-9]{4})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9]|60)Z")
"""ISO 8601, basic format, in UTC."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP = re.compile(
    r"(?:[A-Z][a-z]{2}, )?([0-9]{1,2}) (" + "|".join(_MONTHS) + r") ([0-9]{4}) "
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60) (?:GMT|UTC|([+-])([01][0-9]|2[0-3])([0-5][0-9]))"
)
"""Dates of HTTP and of mail (RFC 9110, RFC 5322), without comments and names of zones."""
_SECONDS = re.compile(r"[0-9]{1,10}")


@lru_cache(maxsize=256)
def epoch_of(timestamp: str) -> int | None:
    """Return the seconds since the epoch of YYYYMMDD'T'HHMMSS'Z', None for another form."""
    found = _BASIC.fullmatch(timestamp)
    return _epoch(*map(int, found.groups())) if found else None


def _epoch(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    if not 1 <= year <= 9999 or not 1 <= day <= 31:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))


@lru_cache(maxsize=256)
def stamp_of_date(date: str) -> str:
    """Return a Date header as YYYYMMDD'T'HHMMSS'Z', empty for what is no date; one in that form stays."""
    if date[-1:] == "Z":
        return date
    found = _HTTP.fullmatch(date)
    if not found:
        return ""
    day, month, year, hour, minute, second, sign, *zone = found.groups()
    epoch = _epoch(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
    if epoch is None:
        return ""
    if sign:
        offset = int(zone[0]) * 3600 + int(zone[1]) * 60
        epoch += offset if sign == "-" else -offset
    return strftime("%Y%m%dT%H%M%SZ", gmtime(epoch))


def seconds_of(text: str) -> int | None:
    """Return a number of seconds, None for what is not one to ten digits."""
    return int(text) if _SECONDS.fullmatch(text) else None
