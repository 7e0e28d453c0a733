"""`python -m extenddb.server` is `extenddb-server`."""

from extenddb.server.cli import main

main()
