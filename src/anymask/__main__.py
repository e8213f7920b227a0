"""`python -m anymask`: the command line."""

from __future__ import annotations

from anymask.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
