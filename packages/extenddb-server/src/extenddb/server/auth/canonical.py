"""The canonical request of Signature Version 4, from what came over the wire.

Pure: values in, text out. Source: "Create a signed AWS API request" of the IAM user guide. Every service but S3
encodes the path a second time after removing dot segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import quote, unquote

from extenddb.server.http.message import Headers

ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


def canonical_path(path: str) -> str:
    """Return the path without dot segments and double slashes, encoded once more."""
    if path in {"/", ""}:
        return "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/~", errors="surrogateescape")


def canonical_query(query: str, *, without: str = "") -> str:
    """Return the parameters encoded and sorted; the parameter `without` is left out (its own signature)."""
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = _encoded(name)
        if part and name != without:
            pairs.append((name, _encoded(value)))
    pairs.sort()
    return "&".join(f"{name}={value}" for name, value in pairs)


def _encoded(text: str) -> str:
    return quote(unquote(text), safe=_UNRESERVED, errors="surrogateescape")


def canonical_value(headers: Headers, name: str) -> str:
    """Return the values of a header, trimmed, inner runs of blanks made one, joined by commas."""
    values = headers.getall(name, ())
    if len(values) == 1:
        value = values[0]
        return " ".join(value.split()) if "  " in value or value[:1].isspace() or value[-1:].isspace() else value
    return ",".join(" ".join(value.split()) for value in values)


def canonical_request(
    method: str, path: str, query: str, headers: Headers, signed: Sequence[str], body_hash: str
) -> str:
    """Return the canonical request; `path` and `query` are canonical already, `signed` in the order claimed."""
    lines = "".join([f"{name}:{canonical_value(headers, name)}\n" for name in signed])
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(signed)}\n{body_hash}"


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    """Return what the signing key signs; `timestamp` is YYYYMMDD'T'HHMMSS'Z'."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{sha256(canonical.encode('utf-8', 'surrogateescape')).hexdigest()}"
