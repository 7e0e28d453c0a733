"""What a process needs to answer requests, decided by the supervisor and handed to every worker."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from extenddb.server.auth.credentials import AccessKey
from extenddb.server.config import ConfigError, Settings, from_json


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is the same for all processes of one start."""

    settings: Settings
    store: Mapping[str, str]
    """Settings that the provisioned store is opened with."""
    host: str
    port: int
    """The port that was bound, never 0."""
    key: AccessKey
    metrics_folder: str = ""
    """Where processes leave their counts for each other; empty when there is only one."""
    chain: str = ""
    """Certificate chain to answer with; empty for plain HTTP."""
    chain_key: str = ""
    authority: str = ""
    """Certificate that clients of an own authority have to trust."""

    @property
    def endpoint(self) -> str:
        """Return the URL clients on this host use."""
        local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
        host = local.get(self.host) or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.chain else 'http'}://{host}:{self.port}"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self) | {"store": dict(self.store)}


def plan_from_json(value: Mapping[str, Any]) -> Plan:
    """Return the plan from plain values made by `Plan.to_json`."""
    settings, key = from_json(value["settings"]), AccessKey(**value["key"])
    return Plan(**{**value, "settings": settings, "key": key})


def metrics_path(plan: Plan) -> Path | None:
    """Return the folder of the counts, None when there is only one process."""
    return Path(plan.metrics_folder) if plan.metrics_folder else None


def bind(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a bound socket that does not listen yet; `shared` lets other processes bind the same port.

    Raises ConfigError with one sentence.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigError(f"The host {host!r} is not an address of this machine.") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ConfigError(f"Port {port} of {host} cannot be used: {error.strerror}.") from None
    return bound


def reserve(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a bound socket after making sure that nobody listens on the port, however sharing.

    It does not listen: until requests can be answered, clients are refused, not kept waiting. Raises ConfigError.
    """
    with bind(host, port, shared=False) as trial:
        try:
            trial.listen(1)
        except OSError as error:
            raise ConfigError(f"Port {port} of {host} cannot be used: {error.strerror}.") from None
        port = trial.getsockname()[1]
    return bind(host, port, shared=shared)
