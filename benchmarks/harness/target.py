"""What is driven: any endpoint that speaks the protocol, with the credentials to sign for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Target:
    """One endpoint."""

    name: str
    """How results call it."""
    endpoint: str
    """Scheme, host and port."""
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"
    pid: int = 0
    """Root of the process tree whose CPU is counted; 0 when it is not ours to see."""
    ca_bundle: str = ""
    """Certificates to trust on https; without them the certificate is not checked."""

    @property
    def host(self) -> str:
        """Return the host name."""
        return urlsplit(self.endpoint).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Return the port, the scheme's own where none is given."""
        parts = urlsplit(self.endpoint)
        return parts.port or (443 if self.tls else 80)

    @property
    def tls(self) -> bool:
        """Tell whether connections are encrypted."""
        return self.endpoint.startswith("https:")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a child process; never written to a result."""
        return dataclasses.asdict(self)
