"""ExtendDB: server."""
