"""DynamoDB's semantics over any storage backend: `Engine.execute` answers one operation."""

from extenddb.engine.context import Caller, EngineSettings
from extenddb.engine.engine import Engine

__all__ = ["Caller", "Engine", "EngineSettings"]
