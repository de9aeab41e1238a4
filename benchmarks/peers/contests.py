"""Which engines replay which form of the day, and what is made of their rounds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness import Target
from benchmarks.peers.result import Result
from benchmarks.peers.trading import Fill, agreement, checksum

OURS = "legwork"
PEERS = ("nautilus", "vnpy", "basana", "backtrader")
FILE_TO_FILE = {"nautilus_whole": "nautilus"}
"""Engines that go from a file to a file, as Legwork does, by the peer they belong to."""
NAUTILUS_TIMES = 5.0
VNPY_TIMES = 1.0
COLUMNS = (
    "engine",
    "ticks/s",
    "times Legwork",
    "with its loading",
    "load s",
    "run s",
    "its CPU s",
    "peak MB",
    "fills",
)


@dataclass(frozen=True, slots=True)
class Contest:
    """The same day for some engines. ``books``: with bid and ask, where an engine knows them."""

    name: str
    title: str
    instruments: int
    books: bool
    peers: tuple[str, ...]


CONTESTS = (
    Contest(
        "hundred",
        "100 instruments, last prices",
        100,
        books=False,
        peers=("nautilus", "nautilus_whole", "basana", "backtrader"),
    ),
    Contest(
        "books",
        "100 instruments, bid and ask",
        100,
        books=True,
        peers=("nautilus", "nautilus_whole"),
    ),
    Contest(
        "one",
        "1 instrument, last prices",
        1,
        books=False,
        peers=("vnpy", "nautilus", "nautilus_whole"),
    ),
)


@dataclass(slots=True)
class Figures:
    """The rounds of one contest: results by engine, one per round, all of the same length."""

    contest: Contest
    ticks: int
    orders: int
    wanted: Sequence[Fill]
    rounds: dict[str, list[Result]] = field(default_factory=dict)

    def ratio(self, engine: str, *, with_loading: bool) -> list[float]:
        """How many times as long ``engine`` takes as Legwork, in each round.

        Of Legwork everything counts, loading too; of a peer its replay only, or ``with_loading``
        that of its data as well.
        """
        pairs = zip(self.rounds[engine], self.rounds[OURS], strict=True)
        return [
            seconds(engine, theirs, with_loading=with_loading) / counted(OURS, ours)
            for theirs, ours in pairs
        ]

    def row(self, engine: str) -> dict[str, Any]:
        """Return an engine's figures: medians over the rounds."""
        results = self.rounds[engine]
        last = results[-1].done
        ratios = self.ratio(engine, with_loading=False)
        return {
            "engine": engine,
            "version": results[-1].version,
            "python": results[-1].python,
            "ticks_per_s": round(self.ticks / middle(counted(engine, r) for r in results)),
            "times_legwork": round(statistics.median(ratios), 2),
            "times_legwork_least": round(min(ratios), 2),
            "times_legwork_most": round(max(ratios), 2),
            "times_legwork_with_load": round(middle(self.ratio(engine, with_loading=True)), 2),
            "load_s": round(middle(r.load_s for r in results), 3),
            "run_s": round(middle(r.run_s for r in results), 3),
            "cpu_s": round(middle(r.cpu_s for r in results), 3),
            "peak_mb": round(middle(r.peak_mb for r in results)),
            "ticks": last.ticks,
            "orders": last.orders,
            "fills": len(last.fills),
            "checksum": checksum(last.fills),
            "agreement": self.agreement(engine),
        }

    def agreement(self, engine: str) -> str:
        """Say how an engine's ticks, orders and fills compare with those that should be."""
        done = self.rounds[engine][-1].done
        wrong = []
        if done.ticks != self.ticks:
            wrong.append(f"{done.ticks:,} ticks of {self.ticks:,}")
        if done.orders != self.orders:
            wrong.append(f"{done.orders} orders of {self.orders}")
        if any(set(r.done.fills) != set(done.fills) for r in self.rounds[engine]):
            wrong.append("other fills in other rounds")
        found = agreement(self.wanted, done.fills)
        if not wrong or not found.is_whole:
            wrong.append(str(found))
        return "; ".join(wrong)


def middle(values: Any) -> float:
    return statistics.median(list(values))


def seconds(engine: str, result: Result, *, with_loading: bool) -> float:
    return result.run_s + (result.load_s if with_loading or engine == OURS else 0.0)


def counted(engine: str, result: Result) -> float:
    """What the main column counts: Legwork whole, a peer's replay without its loading.

    Of an engine in ``FILE_TO_FILE`` that is everything: it loads within its run.
    """
    return seconds(engine, result, with_loading=False)


def targets(found: Mapping[str, Figures]) -> list[Target]:
    """Return what was promised (issue 3), for the contests that were held."""
    made = []
    for contest, engine, bound, words, with_loading in (
        ("hundred", "nautilus_whole", NAUTILUS_TIMES, "from file to file", False),
        ("hundred", "nautilus", NAUTILUS_TIMES, "its replay", False),
        ("hundred", "nautilus", NAUTILUS_TIMES, "its loading and replay", True),
        ("one", "vnpy", VNPY_TIMES, "its replay", False),
        ("one", "vnpy", VNPY_TIMES, "its loading and replay", True),
    ):
        figures = found.get(contest)
        if figures is None or engine not in figures.rounds:
            continue
        peer = FILE_TO_FILE.get(engine, engine)
        made.append(
            Target(
                f"{peer}, {words} / Legwork whole, {figures.contest.title}",
                middle(figures.ratio(engine, with_loading=with_loading)),
                bound,
                at_least=True,
            )
        )
    return made


def table(figures: Figures) -> str:
    """Return the Markdown table of a contest, with the ticks and fills that should be above it."""
    wanted = figures.wanted
    counts = f"{figures.ticks:,} ticks, {figures.orders} orders, {len(wanted)} fills"
    lines = [
        f"**{figures.contest.title}**: {counts} ({checksum(wanted)})",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|---|{'---:|' * (len(COLUMNS) - 2)}---|",
    ]
    for engine in figures.rounds:
        row = figures.row(engine)
        ratio, loaded = "1", ""
        if engine != OURS:
            ratio = (
                f"{row['times_legwork']} "
                f"({row['times_legwork_least']} to {row['times_legwork_most']})"
            )
            loaded = "" if engine in FILE_TO_FILE else f"{row['times_legwork_with_load']}"
        cells = [row["version"], f"{row['ticks_per_s']:,}", ratio, loaded]
        cells += [f"{row[name]:.2f}" for name in ("load_s", "run_s", "cpu_s")]
        cells.append(f"{row['peak_mb']:.0f}")
        lines.append(f"| {' | '.join((*cells, row['agreement']))} |")
    return "\n".join(lines)
