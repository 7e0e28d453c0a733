"""ExtendDB: storage_postgres."""
