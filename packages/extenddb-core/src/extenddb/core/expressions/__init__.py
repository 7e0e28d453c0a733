"""Expressions: condition, key condition, projection and update."""
