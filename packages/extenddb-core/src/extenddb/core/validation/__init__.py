"""Constraints of requests and the texts of their violations.

Only what the service's front end knows belongs here: shapes, required members, lengths, ranges, patterns and
enumerations. What needs a table, an expression or the meaning of a value is checked by the engine.
"""
