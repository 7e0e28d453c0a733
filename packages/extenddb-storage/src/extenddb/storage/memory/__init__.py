"""The reference backend: all ports in memory, in one process, gone when it ends."""

from extenddb.storage.memory.backend import MemoryBackend, MemoryPlugin
from extenddb.storage.spi import BackendPlugin

__all__ = ["MemoryBackend", "MemoryPlugin", "plugin"]

plugin: BackendPlugin = MemoryPlugin()
"""What the entry point `memory` names."""
