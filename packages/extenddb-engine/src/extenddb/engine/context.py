"""What an operation works with: who calls, the store, the tables, the clock. All injected."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from extenddb.engine.buckets import Buckets, NoBuckets
from extenddb.engine.ongoing import Ongoing
from extenddb.engine.tables.cache import Current, Tables
from extenddb.storage.coalesce import Coalescer
from extenddb.storage.spi import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose behalf a request runs."""

    account: str = "000000000000"
    """Twelve digits; tables belong to an account."""
    region: str = "us-east-1"
    """Region of the ARNs in answers; any string."""
    principal: str = ""
    """ARN of the caller, empty when requests are not authenticated."""
    endpoint: str = ""
    """Host, and port, to which the request was sent; empty when it came by no network. DescribeEndpoints tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the engine behaves where DynamoDB leaves a choice."""

    gather: bool = True
    """Send concurrent requests to the store in sets."""
    partition_by_region: bool = False
    """Keep tables of different regions apart; by default a name is one table whatever the region."""
    ttl_seconds: float = 10.0
    """Pause between two sweeps of expired items."""
    settle_seconds: float = 1.0
    """How long an answer waits for background work it started, so that small work is done when it arrives."""
    lease_seconds: float = 10.0
    """How long a process may be silent before another goes on with its background work; a step is a tenth of it."""
    strict_waits: bool = False
    """Hold to the service's waiting rules: how often throughput is decreased and time to live is changed, one index
    built at a time, changes visible as CREATING, UPDATING and DELETING (see `tables.waits`)."""
    delay_seconds: float = 0.0
    """How long each of these statuses is shown under `strict_waits`."""
    stream_lanes: int = 1
    """Shards of a stream that are open at the same time, each with its share of the keys."""
    shard_seconds: float = 4 * 60 * 60
    """Age at which an open shard is closed and followed by a child."""
    retention_seconds: float = 24 * 60 * 60
    """How long the records of a stream are kept."""


def now_ms() -> int:
    """Return the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Return a fresh UUID, in lower-case text with hyphens."""
    return str(uuid.uuid4())


@dataclass(slots=True, kw_only=True)
class Context:
    """The surroundings of every operation of one engine."""

    backend: Backend
    items: Coalescer
    tables: Tables | Current
    settings: EngineSettings
    clock: Callable[[], int] = field(default=now_ms)
    """Time in milliseconds since the epoch."""
    ids: Callable[[], str] = field(default=new_id)
    """Fresh UUIDs."""
    buckets: Buckets = field(default_factory=NoBuckets)
    """Where exports are written and imports are read."""
    readers: dict[str, Any] = field(default_factory=dict)
    """Objects that jobs of this process are in the middle of, by job; what is missing is read anew."""
    ongoing: Ongoing = field(default_factory=Ongoing)
    """What the transactions of this process hold."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process gave itself background work."""

    @property
    def is_current(self) -> bool:
        """Whether every table that is asked for is read from the catalog after that."""
        return isinstance(self.tables, Current)

    def current(self) -> Self:
        """Return the same surroundings for one request that is to meet every table as it is now."""
        return replace(self, tables=self.tables.renewed())

    def namespace(self, caller: Caller) -> str:
        """Return the namespace in which the caller's table names are unique."""
        if self.settings.partition_by_region:
            return f"{caller.account}/{caller.region}"
        return caller.account
