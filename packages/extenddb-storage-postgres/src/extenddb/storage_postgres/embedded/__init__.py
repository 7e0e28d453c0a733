"""A PostgreSQL of our own: found, initialised, started, watched and stopped.

Only the binaries are anybody else's. What is here knows nothing of items or schemas; it gives an address to connect
to.
"""

from extenddb.storage_postgres.embedded.binaries import find_binaries
from extenddb.storage_postgres.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "find_binaries"]
