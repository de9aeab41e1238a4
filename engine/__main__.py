"""``engine`` and ``python -m engine``: run the command line and answer with its exit code."""

from __future__ import annotations

import sys

from engine.cli.app import main as run


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
