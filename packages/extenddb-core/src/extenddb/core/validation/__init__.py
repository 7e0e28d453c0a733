"""Constraints of requests and the texts of their violations."""
