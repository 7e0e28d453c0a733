"""One module per operation; the table that finds them by name is `extenddb.engine.operations`."""
