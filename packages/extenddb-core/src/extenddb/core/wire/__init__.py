"""From JSON objects to checked requests.

What arrives here is parsed JSON; bytes, headers and HTTP are the server's matter.
"""
