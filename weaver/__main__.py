"""``python -m weaver`` is the client, as ``weaver`` is."""

from __future__ import annotations

import sys

from weaver.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
