"""Exports of tables to buckets."""
