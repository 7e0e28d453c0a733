"""Cross-origin requests of browser applications, with preflight."""

from __future__ import annotations

from collections.abc import Mapping

from extenddb.server.http.message import Request, Response, request_id, signed_headers

_MAX_AGE_SECONDS = "172800"
_EXPOSED = "x-amzn-RequestId, x-amzn-ErrorType, x-amz-crc32, x-amz-retry-after, Date"


class Cors:
    """Which origins may read answers: none, all (`*`), or those listed."""

    def __init__(self, origins: str) -> None:
        self._origins = frozenset(origin.strip() for origin in origins.split(",") if origin.strip())

    def headers(self, request: Request) -> Mapping[str, str]:
        """Return the headers that let the asking page read the answer; none for everybody else."""
        origin = request.headers.get("origin", "")
        if not origin or not self._origins:
            return {}
        if "*" in self._origins:
            return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED,
            "Vary": "Origin",
        }

    def preflight(self, request: Request) -> Response:
        """Answer the question that a browser asks before the request itself."""
        response = Response(headers=signed_headers(b"", request_id()))
        allowed = self.headers(request)
        response.headers.update(allowed)
        if "Access-Control-Allow-Origin" in allowed:
            wanted = request.headers.get("access-control-request-headers", "") or "*"
            response.headers["Access-Control-Allow-Headers"] = wanted
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Max-Age"] = _MAX_AGE_SECONDS
        return response
