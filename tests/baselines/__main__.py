"""Compares the pinned runs with what happens now, and pins them again when that is wanted.

python -m tests.baselines                what is different; 1 if anything is
python -m tests.baselines --update       the same, and it becomes what is pinned
"""

from __future__ import annotations

import argparse
import sys

from tests.baselines.pinned import COMMAND, difference, made_now, path_of, pin
from tests.baselines.runs import RUNS, why_not


def main() -> int:
    """Do what was asked for; 1 when something is different and stays so."""
    reader = argparse.ArgumentParser(prog="python -m tests.baselines")
    reader.add_argument("names", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}; or all")
    reader.add_argument("--update", action="store_true", help="pin what happens now")
    asked = reader.parse_args()
    if unknown := [name for name in asked.names if name not in RUNS]:
        reader.error(f"no run {', '.join(unknown)}; there are {', '.join(RUNS)}")
    code = 0
    for name in asked.names or RUNS:
        if why := why_not(name):
            print(f"{name}: left as it is, {why}")
            continue
        now = made_now(name)
        changed = difference(name, now)
        if not changed:
            print(f"{name}: as pinned")
            continue
        print(changed)
        if asked.update:
            pin(name, now)
            print(f"{name}: pinned in {path_of(name).name}; commit it with the reason")
        else:
            print(f"{name}: different; if that is wanted: {COMMAND} {name}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
