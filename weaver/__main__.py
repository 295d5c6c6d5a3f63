"""``python -m weaver``: the client."""

from weaver.cli.main import main

main()
