"""From JSON objects to checked requests."""
