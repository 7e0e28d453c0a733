"""ExtendDB's PostgreSQL backend; the entry point `postgres` names `plugin`."""

from extenddb.storage_postgres.plugin import plugin

__all__ = ["plugin"]
