"""HTTP: transport-neutral handlers, and the one module that binds them to aiohttp."""
