"""ExtendDB: engine."""
