"""ExtendDB: storage."""
