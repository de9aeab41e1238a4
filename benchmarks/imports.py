"""How fast real data comes in, and in how much memory: rows per second, peak, each in a process.

    python -m benchmarks.imports                   # 500,000 and 5,000,000 made rows, in order
    python -m benchmarks.imports --shuffled        # the same in no order at all
    python -m benchmarks.imports FILE --map NAME   # a source of your own, lots and ticks derived

The made rows are an option chain's: 500 contracts, snapshot after snapshot, with volume and open
interest, as Parquet. The promise is that memory does not grow with the rows.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

from benchmarks.harness import Target
from brokers.registry import BROKERS
from engine.cli.recordings_import import DECODER, SOURCE
from engine.rules import RULES_VERSION
from engine.rules.sessions import Sessions
from engine.runtime.disk import FileDisk
from engine.runtime.import_map import read_map
from engine.sessionlog.importing.contracts import DerivedContracts
from engine.sessionlog.importing.importer import ImportJob, run_import

SIZES = (500_000, 5_000_000)
CONTRACTS = 500
MEMORY_GROWTH_MAX = 1.5
OPENS_S = 1_787_111_100
"""09:15 in India on 19 August 2026."""

SECONDS = 6 * 3600
MAP = """\
title: rows of the benchmark
rows: snapshots
cadence_s: 2
fields:
  time: {column: at_ms, unit: ms}
  segment: {value: nse_fo}
  underlying: {value: NIFTY}
  expiry: expiry
  strike: strike
  right: right
  last: price
  volume: volume
  open_interest: interest
"""


def make(path: Path, rows: int, *, shuffled: bool) -> None:
    """Write the made chain, a snapshot a row group."""
    dice = random.Random(11)
    expiry = date(2026, 8, 25)
    weeks = [(expiry + timedelta(weeks=n)).isoformat() for n in range(2)]
    contracts = [
        (weeks[n % 2], 21_800.0 + 50 * (n // 4), "CE" if n & 2 else "PE") for n in range(CONTRACTS)
    ]
    expiries, strikes, rights = zip(*contracts, strict=True)
    snapshots = rows // CONTRACTS
    order = list(range(snapshots))
    if shuffled:
        dice.shuffle(order)
    ticks = [dice.randrange(100, 10_000) for _ in range(CONTRACTS)]
    schema = pa.schema(
        {"at_ms": pa.int64(), "expiry": pa.utf8(), "strike": pa.float64(), "right": pa.utf8(),
         "price": pa.float64(), "volume": pa.int64(), "interest": pa.int64()}
    )  # fmt: skip
    with pa_parquet.ParquetWriter(path, schema) as writer:
        batch: list[pa.Table] = []
        for done, snapshot in enumerate(order, 1):
            at_ms = OPENS_S * 1_000 + snapshot * SECONDS * 1_000 // snapshots
            moved = dice.randrange(-20, 21)
            prices = [max(tick + moved, 1) / 20 for tick in ticks]
            alike = [[at_ms] * CONTRACTS, [65 * (snapshot + 1)] * CONTRACTS, [6_500] * CONTRACTS]
            at, volume, interest = alike
            columns = [at, expiries, strikes, rights, prices, volume, interest]
            batch.append(pa.table(columns, schema=schema))
            if len(batch) == 200 or done == snapshots:
                writer.write_table(pa.concat_tables(batch))
                batch = []


def measure(source: Path, map_name: str) -> dict[str, Any]:
    """Import ``source`` here; return its figures."""
    with tempfile.TemporaryDirectory() as name:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = read_map(map_name)
        began = time.perf_counter()
        result = run_import(
            ImportJob(
                files=[source],
                mapped=found.mapped,
                map_name=found.name,
                map_sha256=found.sha256,
                overridden=found.overridden,
                contracts=DerivedContracts(),
                maker=BROKERS.frame_maker(DECODER),
                decoder=DECODER,
                source=SOURCE,
                sessions=Sessions(),
                rules_version=RULES_VERSION,
                created_by="benchmark",
                make_disk=FileDisk.create,
                out=Path(name) / "days",
            )
        )
        took = time.perf_counter() - began
        return {
            "rows": result.rows_read,
            "rows_per_s": round(result.rows_read / took),
            "seconds": round(took, 2),
            "recording_mb": round(sum(m.path.stat().st_size for m in result.made) / 1e6, 1),
            "before_mb": round(before / 1024),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def encoder_ns(rows: int = 200_000) -> float:
    """Return the cost of one SNAP_QUOTE frame of the encoder, nanoseconds."""
    from engine.model.instrument import Segment  # noqa: PLC0415 - only this figure needs them
    from engine.model.prints import Prints  # noqa: PLC0415
    from engine.model.tokens import TokenRow  # noqa: PLC0415

    encoder = BROKERS.frame_maker(DECODER).encoder([TokenRow(Segment.NSE_FO, "43001", "x")])
    numbers = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), rows)).to_pylist()
    prints = Prints([0] * rows, numbers, numbers, volume=numbers, open_interest=numbers)
    began = time.perf_counter_ns()
    encoder.frames(prints)
    return (time.perf_counter_ns() - began) / rows


def in_a_process(source: Path, map_name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.imports", str(source), "--map", map_name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(done.stdout, end="", flush=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--map", default="nse-option-chain-snapshots")
    parser.add_argument("--rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make is not None:
        make(asked.make, asked.rows[0], shuffled=asked.shuffled)
        return
    if asked.source is not None:
        print(json.dumps(measure(asked.source, asked.map)))
        return
    print(json.dumps({"encoder_ns_per_frame": round(encoder_ns())}))
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        map_file = Path(name) / "map.yaml"
        map_file.write_text(MAP)
        for rows in asked.rows:
            source = Path(name) / f"rows-{rows}.parquet"
            command = [sys.executable, "-m", "benchmarks.imports", "--make", str(source)]
            command += ["--rows", str(rows), *(["--shuffled"] if asked.shuffled else [])]
            subprocess.run(command, check=True)
            peaks.append(in_a_process(source, str(map_file))["peak_mb"])
            source.unlink()
    growth = peaks[-1] / peaks[0]
    print(
        Target(
            f"peak memory, {asked.rows[-1]:,} rows / {asked.rows[0]:,}", growth, MEMORY_GROWTH_MAX
        )
    )


if __name__ == "__main__":
    main()
