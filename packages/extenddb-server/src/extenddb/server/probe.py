"""Asking a server whether it answers: for its own start, and for health checks of containers."""

from __future__ import annotations

import asyncio
import ssl
import time
from urllib.parse import urlsplit

_PAUSE = 0.02
_ATTEMPT_SECONDS = 5.0


async def status(endpoint: str, path: str = "/ready") -> int:
    """Return the HTTP status of a GET; the certificate is not checked, for this is our own server.

    Raises OSError, or TimeoutError, when there is no answer.
    """
    parts = urlsplit(endpoint)
    tls = None
    if parts.scheme == "https":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(_ATTEMPT_SECONDS):
        port = parts.port or (443 if tls else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
    words = line.split()
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionError("the answer is not HTTP")
    return int(words[1])


async def until_ready(endpoint: str, seconds: float) -> bool:
    """Ask until the server is ready, for at most some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if await status(endpoint) == 200:
                return True
        except (OSError, TimeoutError):
            pass
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_PAUSE)
