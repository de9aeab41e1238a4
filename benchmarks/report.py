"""The day report of a full day: how large it is and how long it takes, beside the run itself.

    python -m benchmarks.report                     (a synthetic NIFTY day, the shipped strategies)
    python -m benchmarks.report --ema 1000000       (that many frames, an order every ~1000)

In a process of its own, so that the peak of memory is the report's. Seconds are of the processor: a
busy machine makes the wall's mean little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from datetime import time as clock
from pathlib import Path

from benchmarks import frames
from benchmarks.replay import INSTRUMENTS, _Nobody, configuration
from brokers.exchange.listings import MarketTerms
from engine import app
from engine.cli.synthetic import make_recording
from engine.day_report import report_of, write_page
from engine.model.money import trap_float_mixing
from engine.paper_run import run_paper
from engine.report.block import data_block
from engine.runtime.sessions_on_disk import SessionFolder
from engine.sessionlog.reader import SessionLog

DAY = date(2026, 8, 17)
SHIPPED = Path(__file__).resolve().parents[1] / "strategies.yaml"


def full_day(folder: Path) -> Path:
    """Make a day of the seeded market and the shipped YAML on it."""
    recording = folder / "day.arrow"
    terms = MarketTerms(
        seed=7,
        trading_date=DAY,
        begins=clock(9, 15),
        ends=clock(15, 40),
        strikes=10,
        next_strikes=2,
    )
    make_recording(terms, recording, force=True, tell=lambda _: None)
    path = folder / "strategies.yaml"
    path.write_text(SHIPPED.read_text().replace("recordings/nifty-open.arrow", str(recording)))
    return path


def many_orders(folder: Path, count: int) -> Path:
    """Make the recording of ``benchmarks.replay`` and its YAML."""
    recording = folder / "frames.arrow"
    frames.write(recording, count, INSTRUMENTS, 1)
    return configuration(folder, recording)


def run(path: Path, folder: Path) -> tuple[SessionFolder, float]:
    """Run it on paper; return its session and the seconds it took."""
    loaded = app.load(path)
    recording = app.open_recording(loaded.configuration.recording)
    began = time.process_time()
    outcome = asyncio.run(run_paper(loaded, recording, folder / "sessions", _Nobody()))
    return SessionFolder(outcome.folder), time.process_time() - began


def measure(session: SessionFolder) -> dict[str, float]:
    """Report on a session; return seconds and megabytes."""
    boot = SessionLog.open(session.log).header.boot
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    session.read_model.unlink(missing_ok=True)
    began = time.process_time()
    report = report_of(session)
    built = time.process_time()
    write_page(session, report, session.report)
    written = time.process_time()
    return {
        "frames": SessionLog.open(Path(boot["recording"])).frame_count,
        "orders": len(report.orders),
        "fills": len(report.fills),
        "points": 0 if report.curves is None else len(report.curves.clock_s),
        "figures_s": round(built - began, 2),
        "page_s": round(written - built, 2),
        "page_mb": round(session.report.stat().st_size / 1e6, 2),
        "data_mb": round(len(data_block(report)) / 1e6, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "before_mb": round(before / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ema", type=int, metavar="FRAMES")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    trap_float_mixing()
    if asked.of:
        print(json.dumps(measure(SessionFolder(asked.of))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = full_day(folder) if asked.ema is None else many_orders(folder, asked.ema)
        session, took_s = run(path, folder)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.report", "--of", str(session.path)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ,
        )
        print(json.dumps({"run_s": round(took_s, 2), **json.loads(done.stdout)}, indent=2))


if __name__ == "__main__":
    main()
