"""Vector indexes: what items have in them, how they are searched, and what that consumes."""
