"""Many seeds, one after the other or beside each other, added up over as many calls as it takes."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.simulation import person, tombstones
from tests.simulation.day import Outcome
from tests.simulation.nemesis import CAMPAIGNS
from tests.simulation.sends import FLATTENED, MOMENTS

BLOCK_SEEDS = 16
"""So many for every process: between blocks the time is looked at and the tally kept."""
SAYS_EVERY_S = 30.0
ENOUGH_SEEDS = 200
"""So many seeds must have met every fault."""
HOST = (
    "several_in_one",
    "kill",
    "kill_lost_bytes",
    "kill_left_a_hole",
    "start_refused_by_hole",
    "start_refused_by_clock",
    "order_lane_refused",
    "second_instance",
)
MET = {
    "ordinary": ("second_instance",),
    "late": ("second_instance", "arrived_after_proof", *tombstones.ENDS),
    "kills": ("second_instance", *MOMENTS, FLATTENED, *person.MET),
}
"""What must have been met besides the faults, by campaign."""


class WrongCampaign(Exception):
    """A tally is of another campaign: what it counted proves nothing of this one."""


class Tally(msgspec.Struct):
    """What seeds came to. ``ranges`` are those that were run: first, and the one after the last."""

    ranges: list[tuple[int, int]] = []
    seeds: int = 0
    orders: int = 0
    trades: int = 0
    violated: dict[int, str] = {}
    counts: dict[str, int] = {}
    took_s: float = 0.0
    campaign: str = "ordinary"

    def take(self, outcome: Outcome) -> None:
        """Add one seed."""
        self.seeds += 1
        self.orders += outcome.orders
        self.trades += outcome.trades
        self.counts = dict(Counter(self.counts) + outcome.counts)
        if outcome.violation:
            self.violated[outcome.seed] = outcome.violation

    def ran(self, seeds: range) -> None:
        """Note that all of these were run."""
        first, after = seeds.start, seeds.stop
        if self.ranges and self.ranges[-1][1] == first:
            first = self.ranges.pop()[0]
        self.ranges.append((first, after))

    @property
    def unmet(self) -> list[str]:
        """What had to be met and no seed has met."""
        wanted = (*CAMPAIGNS[self.campaign], *MET[self.campaign])
        return [fault for fault in wanted if not self.counts.get(fault)]

    def lines(self) -> list[str]:
        """Say all of it."""
        which = ", ".join(f"{first}-{after - 1}" for first, after in self.ranges)
        done = f"{self.seeds:,} seeds ({which}) in {self.took_s:.0f} s"
        found = f"{self.orders:,} orders, {self.trades:,} trades, {len(self.violated)} violated"
        told = dict.fromkeys((*CAMPAIGNS[self.campaign], *HOST, *MET[self.campaign]))
        return [
            f"{done}: {found}",
            *(f"  {self.counts.get(fault, 0):9,}  {fault}" for fault in told),
            *(f"  seed {seed}: {text}" for seed, text in sorted(self.violated.items())),
        ]


def campaign(
    run: Callable[[int], Outcome],
    first: int | None,
    seeds: int,
    jobs: int,
    *,
    name: str,
    until_s: float,
    kept: Path | None,
    prepare: Callable[[], None],
    tell: Callable[[str], None],
) -> int:
    """Run seeds until they are through or the time is up; 1 when one was violated or a fault unmet.

    ``name`` is the campaign's.
    ``kept`` holds the tally between calls: it is added to, and goes on after the last seed it has
    unless ``first`` says where.
    """
    tally = _read(kept, name)
    option = "" if name == "ordinary" else f" --campaign {name}"
    if first is None:
        first = max((after for _, after in tally.ranges), default=0)
    last, started, said_at = first + seeds, time.monotonic(), time.monotonic()
    before_s = tally.took_s
    with multiprocessing.Pool(jobs, initializer=prepare) as pool:
        while first < last and time.monotonic() - started < until_s:
            block = range(first, min(first + BLOCK_SEEDS * jobs, last))
            for outcome in pool.imap_unordered(run, block, chunksize=2):
                tally.take(outcome)
                if outcome.violation:
                    tell(f"seed {outcome.seed}: {outcome.violation}")
                    tell(f"  python -m tests.simulation{option} --seed {outcome.seed}")
            tally.ran(block)
            first = block.stop
            now = time.monotonic()
            tally.took_s = before_s + now - started
            _keep(kept, tally)
            if now - said_at >= SAYS_EVERY_S:
                said_at = now
                bad = len(tally.violated)
                tell(f"{tally.seeds:,} seeds done, next is {first}: {bad} violated")
    tell("\n".join(tally.lines()))
    if first < last:
        tell(f"the time is up: go on with --first {first} --seeds {last - first}")
    if tally.unmet and tally.seeds >= ENOUGH_SEEDS:
        tell(f"never met, so nothing is proven about them: {', '.join(tally.unmet)}")
        return 1
    return 1 if tally.violated else 0


def _read(kept: Path | None, name: str) -> Tally:
    if kept is None or not kept.exists():
        return Tally(campaign=name)
    tally = msgspec.json.decode(kept.read_bytes(), type=Tally)
    if tally.campaign != name:
        raise WrongCampaign(f"{kept} is of the campaign {tally.campaign!r}, not {name!r}")
    return tally


def _keep(kept: Path | None, tally: Tally) -> None:
    if kept is not None:
        kept.write_bytes(msgspec.json.encode(tally))
