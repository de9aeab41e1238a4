"""A recording through an EMA cross: the whole engine against a bare loop, in one process.

    python -m benchmarks.replay --frames 1000000 --rounds 5
    python -m benchmarks.replay --memory            (100k, 1M and 5M frames, a process each)

The bare loop reads the same log, unpacks the same fields, makes one object, looks the instrument up
and calls the same arithmetic; it has no orders. The engine has everything on, from the YAML to the
compacted session: log reading with its hash, decoding, kernel, risk, governor, paper exchange,
journal and session log, synced at close. It runs once more with a strategy that computes the same
and asks for nothing: what is between the two is what orders cost. The bare loop runs once more with
the engine's reading ahead, which has the recording unpacked by another core. All run once a round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks import frames
from benchmarks.crosses import Crosses
from benchmarks.decode import unpack_snap
from benchmarks.harness import Target, interleave
from engine import app
from engine.model.money import trap_float_mixing
from engine.paper_run import Outcome, run_paper
from engine.runtime.tasks import read_ahead
from engine.sessionlog.reader import SessionLog, Through

INSTRUMENTS = 100
BARE_SHARE = 0.6
MEMORY_SIZES = (100_000, 1_000_000, 5_000_000)


class Packet(msgspec.Struct, frozen=True, gc=False):
    """The bare loop's one object: the raw fields of a SNAP_QUOTE head."""

    index: int
    time_ms: int
    last: int
    received_at: int
    last_qty: int
    average: int
    volume: int
    open: int
    high: int
    low: int
    close: int
    open_interest: int
    bid_qty: int
    bid: int
    ask_qty: int
    ask: int


class _Nobody:
    """Watches a run and says nothing."""

    def say(self, line: Any) -> None:
        """Nothing."""

    def started(self, parts: Any, recording: Any) -> None:
        """Nothing."""

    def progress(self, parts: Any) -> None:
        """Nothing."""


def bare(recording: Path, *, through: Through = iter) -> int:
    """Run the bare loop; return how often the strategy would have traded."""
    log = SessionLog.open(recording)
    indices = {facts.key: index for index, facts in enumerate(log.header.instruments)}
    keys: dict[bytes, int] = {}
    for row in log.header.sources[0].tokens:
        keys[bytes([2]) + row.token.encode().ljust(25, b"\0")] = indices[row.key]
    crosses = Crosses(len(indices) + 1)
    traded = 0

    def on_packet(packet: Packet) -> None:
        nonlocal traded
        if crosses.see(packet.index, packet.last / 100):
            traded += 1

    for batch in log.frame_batches(through=through):
        for at, payload in zip(batch.received_at, batch.payloads, strict=True):
            key, ms, last, qty, avg, vol, open_, high, low, close, oi, bq, bid, aq, ask = (
                unpack_snap(payload)
            )
            on_packet(
                Packet(
                    keys[key], ms, last, at, qty, avg, vol, open_, high, low, close, oi, bq, bid,
                    aq, ask,
                )
            )  # fmt: skip
    return traded


def configuration(folder: Path, recording: Path, *, trades: bool = True) -> Path:
    """Write the YAML of the benchmark."""
    symbols = [i.symbol for i in SessionLog.open(recording).header.catalogue()]
    path = folder / ("strategies.yaml" if trades else "watches.yaml")
    path.write_text(
        yaml.safe_dump(
            {
                "mode": "paper",
                "feed": {"replay": str(recording), "speed": "max"},
                "risk": {
                    "max_loss_inr": 100_000_000,
                    "max_uncovered_short_lots": 1_000,
                    "max_open_orders": 1_000,
                },
                "strategies": {
                    "ema": {
                        "uses": "benchmarks.ema_cross:EmaCross",
                        "params": {"symbols": symbols, "trades": trades},
                    }
                },
            }
        )
    )
    return path


def engine(path: Path, folder: Path) -> Outcome:
    """Run the whole engine, from the YAML to the compacted session."""
    sessions = folder / "sessions"
    loaded = app.load(path)
    recording = app.open_recording(loaded.configuration.recording)
    outcome = asyncio.run(run_paper(loaded, recording, sessions, _Nobody()))
    shutil.rmtree(sessions)
    return outcome


def compare(count: int, rounds: int) -> dict[str, Any]:
    """Measure both, interleaved; return the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = folder / "frames.arrow"
        frames.write(recording, count, INSTRUMENTS, 1)
        path = configuration(folder, recording)
        quiet = configuration(folder, recording, trades=False)
        outcomes: list[Outcome] = []
        variants = {
            "bare": lambda: bare(recording),
            "bare_ahead": lambda: bare(recording, through=read_ahead),
            "engine": lambda: outcomes.append(engine(path, folder)),
            "quiet": lambda: engine(quiet, folder),
        }
        timings = interleave(variants, operations=count, rounds=rounds)
        newest = outcomes[-1]
        traded = bare(recording)
        orders_ns = (timings.median_ns("engine") - timings.median_ns("quiet")) * count
        return {
            "frames": count,
            "rounds": rounds,
            "bare_frames_per_s": round(1e9 / timings.median_ns("bare")),
            "engine_frames_per_s": round(1e9 / timings.median_ns("engine")),
            "share_of_bare": round(1 / timings.ratio("engine", "bare"), 3),
            "share_of_bare_that_reads_ahead": round(1 / timings.ratio("engine", "bare_ahead"), 3),
            "share_without_orders": round(1 / timings.ratio("quiet", "bare"), 3),
            "order_us": round(orders_ns / traded / 1e3) if traded else None,
            "kernel_events": newest.progress.events,
            "traded": traded,
            "longest_callback_ms": round(
                max(o.progress.longest_callback_ns for o in outcomes) / 1e6, 1
            ),
        }


def memory(count: int) -> dict[str, Any]:
    """Run the engine once over ``count`` frames; return its time and peak memory."""
    trap_float_mixing()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = folder / "frames.arrow"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.frames", str(recording), "--frames", str(count)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        outcome = engine(configuration(folder, recording), folder)
        took = time.perf_counter() - began
        return {
            "frames": count,
            "frames_per_s": round(count / took),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "before_mb": round(before / 1024),
            "longest_callback_ms": round(outcome.progress.longest_callback_ns / 1e6, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory_of:
        print(json.dumps(memory(asked.memory_of)))
        return
    if asked.memory:
        for size in MEMORY_SIZES:
            command = [sys.executable, "-m", "benchmarks.replay", "--memory-of", str(size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(done.stdout, end="")
        return
    trap_float_mixing()
    figures = compare(asked.frames, asked.rounds)
    print(json.dumps(figures, indent=2))
    share = figures["share_of_bare"]
    print(Target("engine / bare loop, frames per second", share, BARE_SHARE, at_least=True))


if __name__ == "__main__":
    main()
