"""The values of the protocol: numbers, attributes, items, keys, tables, capacity."""
