"""Imports of tables, and bulk writes, from buckets."""
