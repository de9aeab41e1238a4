"""Kills real engine processes, and asks the brokers what really happened.

    python -m tests.simulation.real_deaths --deaths 1000
    python -m tests.simulation.real_deaths --deaths 50 --seed 7 --pace 20

A day is one state folder, one pair of simulated brokers and ``--day`` deaths; then the last process
comes to rest and the day is judged. Everything is on the loopback, and ends with this command.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter

from engine.model.money import trap_float_mixing
from tests.simulation.real_deaths.day import run_day

PACE = 20


def main() -> int:
    """Run the days; 1 when one was violated."""
    reader = argparse.ArgumentParser(prog="python -m tests.simulation.real_deaths")
    reader.add_argument("--deaths", type=int, default=100)
    reader.add_argument("--day", type=int, default=50, help="deaths in a day")
    reader.add_argument("--seed", type=int, default=1, help="of the first day")
    reader.add_argument("--pace", type=int, default=PACE, help="engine seconds in a real second")
    asked = reader.parse_args()
    left, seed = asked.deaths, asked.seed
    deaths = orders = fills = records = violated = 0
    seconds = 0.0
    ends, met = Counter[str](), Counter[str]()
    while left > 0:
        outcome = asyncio.run(run_day(seed, min(left, asked.day), asked.pace))
        print(
            f"day {seed}: {outcome.deaths} deaths, {outcome.orders} orders, {outcome.fills} fills,"
            f" {outcome.seconds:.1f} s: {outcome.violation or 'everything held'}",
            flush=True,
        )
        left, seed = left - asked.day, seed + 1
        deaths += outcome.deaths
        orders += outcome.orders
        fills += outcome.fills
        records += outcome.records
        seconds += outcome.seconds
        violated += bool(outcome.violation)
        ends += outcome.ends
        met += outcome.met
    print(
        f"{deaths} deaths in {seconds:.0f} s: {orders} orders, {fills} fills, "
        f"{records} journal records, {violated} days violated"
    )
    for counted in (ends, met):
        print("  " + ", ".join(f"{n} {what}" for what, n in sorted(counted.items())))
    return 1 if violated else 0


if __name__ == "__main__":
    trap_float_mixing()
    sys.exit(main())
