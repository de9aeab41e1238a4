"""Runs many seeds, one seed with its story, or the planted bugs.

python -m tests.simulation --seeds 10000          (as many processes as there are cores)
python -m tests.simulation --seeds 10000 --tally t.json --until-s 600    the same, in parts
python -m tests.simulation --seed 4711            one seed, its story and its verdict
python -m tests.simulation --campaign late        brokers accept orders after their absence was proven
python -m tests.simulation --campaign kills       a person kills between a release and its first byte
python -m tests.simulation --planted              how many planted bugs are caught
python -m tests.simulation --deaths               dead at every write and sync of a short day
python -m tests.simulation --deaths --turns       dead before every turn of the loop of one
"""

from __future__ import annotations

import argparse
import gc
import math
import multiprocessing
import sys
import time
from decimal import FloatOperation, getcontext
from functools import partial
from pathlib import Path

from tests.simulation.campaign import WrongCampaign, campaign
from tests.simulation.day import Outcome, run
from tests.simulation.nemesis import CAMPAIGNS
from tests.simulation.planted import bugs

SHORT_DAY_S = 60.0
PLANTED_SEEDS = 200
"""A planted bug that lives this long has escaped."""


def main() -> int:
    """Run what was asked for; 1 when an invariant was violated, a fault never met, a bug missed."""
    reader = argparse.ArgumentParser(prog="python -m tests.simulation")
    reader.add_argument("--seeds", type=int, default=200)
    reader.add_argument("--first", type=int, help="the first seed")
    reader.add_argument(
        "--until-s", type=float, default=math.inf, help="stop after so many seconds"
    )
    reader.add_argument("--tally", type=Path, help="a file in which calls add up")
    reader.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    reader.add_argument(
        "--campaign", choices=tuple(CAMPAIGNS), default="ordinary", help="which faults there are"
    )
    reader.add_argument("--seed", type=int, help="run this one and tell its story")
    reader.add_argument("--planted", action="store_true", help="run the planted bugs")
    reader.add_argument(
        "--deaths", action="store_true", help="die at every write and sync of a short day"
    )
    reader.add_argument("--turns", action="store_true", help="die before every turn of the loop")
    reader.add_argument(
        "--every", type=int, default=1, help="of the points of death, every so many"
    )
    reader.add_argument("--only", help="of the planted bugs, those whose name holds this")
    asked = reader.parse_args()
    if asked.campaign != "ordinary" and (asked.planted or asked.deaths):
        reader.error("--campaign goes with --seeds and --seed; planted bugs know their own")
    if asked.seed is not None:
        return _one(asked.seed, asked.campaign)
    if asked.planted:
        return _planted(asked.jobs, asked.only or "")
    if asked.deaths:
        return _deaths(asked.jobs, asked.every, asked.first or 0, at_turns=asked.turns)
    try:
        return campaign(
            partial(_run, asked.campaign),
            asked.first,
            asked.seeds,
            asked.jobs,
            name=asked.campaign,
            until_s=asked.until_s,
            kept=asked.tally,
            prepare=_prepare,
            tell=lambda line: print(line, flush=True),
        )
    except WrongCampaign as wrong:
        reader.error(str(wrong))


def _one(seed: int, name: str) -> int:
    outcome = _run(name, seed)
    print("\n".join(outcome.story))
    print(f"seed {seed}: {outcome.violation or 'everything held'}")
    print(f"{outcome.orders} orders, {outcome.trades} trades, trace {outcome.trace}")
    return 1 if outcome.violation else 0


def _planted(jobs: int, only: str) -> int:
    chosen = [name for name in bugs.names() if only in name]
    caught = 0
    with multiprocessing.Pool(jobs, initializer=_prepare) as pool:
        for name, is_caught, found in pool.imap(_hunt, chosen):
            caught += is_caught
            print(f"{name:62} {found}", flush=True)
    print(f"{caught} of {len(chosen)} planted bugs caught ({100 * caught / len(chosen):.0f} %)")
    return 0 if caught == len(chosen) else 1


def _deaths(jobs: int, every: int, seed: int, *, at_turns: bool) -> int:
    """Let the process die at every point of its disk, or turn of its loop, a day for each."""
    started = time.monotonic()
    day = run(seed, scale=0, deaths=0, trades_for_s=SHORT_DAY_S)
    points = range(1, day.turns_of_trading if at_turns else day.points, every)
    failed = 0
    with multiprocessing.Pool(jobs, initializer=_prepare) as pool:
        asked = ((seed, point, at_turns) for point in points)
        found = pool.imap_unordered(_die, asked, chunksize=4)
        for point, violation in found:
            if violation:
                failed += 1
                print(
                    f"seed {seed}, dead at {'turn' if at_turns else 'point'} {point}: {violation}",
                    flush=True,
                )
    took = time.monotonic() - started
    print(f"{len(points)} deaths in {took:.0f} s, {failed} violated")
    return 1 if failed else 0


def _die(asked: tuple[int, int, bool]) -> tuple[int, str]:
    seed, point, at_turn = asked
    outcome = run(
        seed,
        scale=0,
        deaths=0,
        dies_at_point=0 if at_turn else point,
        dies_at_turn=point if at_turn else 0,
        trades_for_s=SHORT_DAY_S,
    )
    return point, outcome.violation


def _hunt(name: str) -> tuple[str, bool, str]:
    """Run seeds with one bug planted until one is violated; say whether it was caught, and how."""
    try:
        with bugs.plant(name):
            for seed in range(PLANTED_SEEDS):
                outcome = run(seed, campaign=bugs.campaign_of(name))
                if outcome.violation:
                    return name, True, f"caught by seed {seed}: {outcome.violation[:90]}"
    except bugs.Stillborn as died:
        return name, False, f"VOID, its own code died: {died}"
    return name, False, "ESCAPED"


def _run(name: str, seed: int) -> Outcome:
    return run(seed, campaign=name)


def _trap() -> None:
    """Have decimals and floats refuse to mix, as the engine does."""
    getcontext().traps[FloatOperation] = True


def _prepare() -> None:
    """Get a process ready for many days: each leaves little behind that goes round in circles."""
    _trap()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


if __name__ == "__main__":
    _trap()
    sys.exit(main())
