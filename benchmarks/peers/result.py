"""One run of one engine: what it hands back, and the process around it.

Standard library only. A peer's ``run.py`` calls ``deliver`` with a function that loads the day into
the peer's own objects; it returns one that runs it; and that returns one that gathers the fills.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.day import Day, read
from benchmarks.peers.trading import Fill


class BadResult(Exception):
    """What an engine's process left behind is not a result."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an engine did: ticks its strategy was shown, orders it asked for, what filled."""

    ticks: int
    orders: int
    fills: list[Fill]


@dataclass(frozen=True, slots=True)
class Result:
    """One run. ``load_s`` makes the engine and its data, ``run_s`` replays; both are wall time.

    ``cpu_s`` is the processor time of the replay, of all threads; ``peak_mb`` is resident memory.
    """

    version: str
    python: str
    load_s: float
    run_s: float
    cpu_s: float
    peak_mb: float
    done: Done

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Result:
        """Read a result. Raises ``BadResult`` where something is missing or is no number."""
        try:
            raw: dict[str, Any] = json.loads(text)
            done = raw["done"]
            made = cls(
                version=str(raw["version"]),
                python=str(raw["python"]),
                load_s=float(raw["load_s"]),
                run_s=float(raw["run_s"]),
                cpu_s=float(raw["cpu_s"]),
                peak_mb=float(raw["peak_mb"]),
                done=Done(
                    int(done["ticks"]),
                    int(done["orders"]),
                    [Fill(*map(int, fill)) for fill in done["fills"]],
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadResult(f"not a result: {error!r} in {text[:200]!r}") from error
        if not (made.load_s >= 0 and made.run_s > 0 and made.cpu_s > 0 and made.peak_mb > 0):
            raise BadResult(f"times and memory must be above 0: {text[:200]!r}")
        return made


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked to replay. ``recording`` is the same day on disk, for whoever reads it:
    Legwork's frames, or what a peer keeps in their place.
    """

    day: Day
    books: bool
    recording: Path | None


Finish = Callable[[], Done]
Run = Callable[[], Finish]


def deliver(version: str, load: Callable[[Asked], Run]) -> None:
    """Load, run once, measure both and write the result where the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("day", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--books", action="store_true")
    parser.add_argument("--recording", type=Path)
    given = parser.parse_args()
    asked = Asked(read(given.day), given.books, given.recording)
    began = time.perf_counter()
    run = load(asked)
    loaded = time.perf_counter()
    gc.collect()
    started, started_cpu = time.perf_counter(), time.process_time()
    finish = run()
    ended, ended_cpu = time.perf_counter(), time.process_time()
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = Result(
        version=version,
        python=".".join(map(str, sys.version_info[:3])),
        load_s=loaded - began,
        run_s=ended - started,
        cpu_s=ended_cpu - started_cpu,
        peak_mb=peak_kb / (1024 * 1024 if sys.platform == "darwin" else 1024),
        done=finish(),
    )
    given.out.write_text(result.to_json(), encoding="utf-8")
