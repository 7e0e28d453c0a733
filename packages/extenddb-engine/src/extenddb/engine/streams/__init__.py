"""Streams of tables: their registry, shards, iterators and records."""
