"""The server: HTTP, authentication, configuration, processes and the program `extenddb-server`.

`app` is the composition root and the only module that knows all others; `http.app` alone knows aiohttp.
Storage backends are found by entry point and never imported by name.
"""
