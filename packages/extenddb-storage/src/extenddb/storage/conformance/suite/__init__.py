"""Examples for each port, as classes that a backend author subclasses."""
