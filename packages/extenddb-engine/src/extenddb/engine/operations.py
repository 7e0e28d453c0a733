"""The table of operations: which function answers which name."""
