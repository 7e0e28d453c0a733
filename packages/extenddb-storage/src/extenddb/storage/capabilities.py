"""What a backend can do beyond the mandatory base; each flag is proved by the kit's group of the same name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Declared by the plugin. Declared and failing the kit is a failure; a new flag is off until declared."""

    transactions: bool = False
    """`Items.transact` is atomic and isolated over any keys and spaces, absent keys included."""
    snapshots: bool = False
    """`Items.snapshot` reads any keys as of one moment."""
    streams: bool = False
    """Changes are published in commit order per key, exactly if their write committed."""
    vectors: bool = False
    """Spaces may have indexes of vectors, and the items port is a `spi.VectorItems`."""
    bulk_load: bool = False
    """The items port is a `spi.BulkItems`: many new rows are written faster than by mutations."""
    renaming: bool = False
    """`Catalog.alter` gives a table another namespace and name; its rows stay where they are."""
    durable: bool = False
    """What was acknowledged survives the end of the process and of the store's process."""
    shared: bool = False
    """Several processes may open the same store at the same time."""
