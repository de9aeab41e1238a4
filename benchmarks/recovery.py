"""Taking a journal up: the whole way back to trading, and the fold alone.

    python -m benchmarks.recovery --orders 500 --records 10000
    python -m benchmarks.recovery --fold 1000000

A real engine trades against the simulated broker until its journal has so many records and the
broker's book so many orders; it stops, and another one takes the folder up: file read and checked,
records folded, books read and weighed, strategies told. The longer journal is the same one over and
over, every round with ids of its own, so that the fold meets as many orders, groups and fills as
stand in it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Target
from benchmarks.live_rig import Asker, Rig
from engine.core.client_ids import ClientIds, parse
from engine.core.restore import Restore
from engine.model.catalogue import Catalogue
from engine.model.codec import Codec
from engine.model.money import trap_float_mixing
from engine.model.record import Checkpoint, SessionBooted
from engine.runtime.journal import TYPE_NUMBERS
from engine.runtime.journal_reader import JournalContent, JournalEntry, RawEntry, read_journal
from engine.runtime.readmodel_build import fold
from tests.simulation.world import TRADING_DATE

RECOVERS_WITHIN_S = 5.0
TYPES = {number: kind for kind, number in TYPE_NUMBERS.items()}
CLIENT_ID = re.compile(rb"LW[0-9A-Z]{12}")
GROUP_ID = re.compile(rb"alpha\.g(\d+)\.")
BROKER_ID = re.compile(rb'"T(\d{5,})"')
READ_MODEL_SHARE = 10
"""The read model keeps every row in memory while it folds: it is given a tenth of the records."""


async def trade(rig: Rig, orders: int, records: int) -> None:
    """Trade until the broker's book and the journal are that long, then end in order."""
    running = rig.join()
    await running.start()

    def some(strategy: Asker) -> None:
        for _ in range(10):
            strategy.buy_one()

    while len(rig.broker.rows) < orders or running.parts.journal.sequence < records:
        running.ask(some)
        await running.quiet()
    await running.stop()


async def recover(rig: Rig) -> tuple[float, float]:
    """Return the seconds until the journal is folded, and until the strategies are told."""
    began = time.perf_counter()
    running = rig.join()
    folded = time.perf_counter()
    await running.start()
    ready = time.perf_counter()
    if not running.strategy.is_ready:
        raise SystemExit("the engine never recovered: the figures mean nothing")
    await running.stop()
    return folded - began, ready - began


class Renumbered:
    """A journal over and over: each time with orders, groups and fills of its own."""

    def __init__(self, content: JournalContent) -> None:
        # A checkpoint vouches for its own records, not for these over and over.
        left_out = (TYPE_NUMBERS[SessionBooted], TYPE_NUMBERS[Checkpoint])
        self._raw = [raw for raw in content.raw if raw.type_number not in left_out]
        self._boot = content.raw[0]
        self._orders = 1 + max(
            found[1]
            for raw in self._raw
            for tag in CLIENT_ID.findall(raw.payload)
            if (found := parse(tag.decode())) is not None
        )
        self._groups = 1 + max(
            int(number) for raw in self._raw for number in GROUP_ID.findall(raw.payload)
        )

    def boot(self) -> RawEntry:
        """Return the first record, which stands once."""
        return self._boot

    def time(self, number: int) -> list[RawEntry]:
        """Return the records as they stand the ``number``-th time."""
        ids: dict[bytes, bytes] = {}

        def renamed(found: re.Match[bytes]) -> bytes:
            tag = found[0]
            if tag not in ids:
                parsed = parse(tag.decode())
                assert parsed is not None
                sequence = parsed[1] + number * self._orders
                ids[tag] = ClientIds(TRADING_DATE, sequence).next().encode()
            return ids[tag]

        shift, orders = number * self._groups, number * self._orders
        made = []
        for raw in self._raw:
            payload = CLIENT_ID.sub(renamed, raw.payload)
            payload = GROUP_ID.sub(lambda m: b"alpha.g%d." % (int(m[1]) + shift), payload)
            payload = BROKER_ID.sub(lambda m: b'"T%05d"' % (int(m[1]) + orders), payload)
            made.append(raw._replace(payload=payload))
        return made


def fold_many(rig: Rig, journal: Renumbered, wanted: int) -> tuple[float, int, int]:
    """Decode and fold ``wanted`` records or a few more into one kernel.

    Returns records a second, how many there were, and how many orders they left.
    """
    running = rig.join()
    kernel = running.parts.kernel
    restore, codec = Restore(kernel), Codec(rig.catalogue)
    taken, seconds, number = 0, 0.0, 0
    while taken < wanted:
        raws = journal.time(number)
        began = time.perf_counter()
        for raw in raws:
            restore.take(codec.decode(raw.payload, TYPES[raw.type_number]), raw.at)
        seconds += time.perf_counter() - began
        taken += len(raws)
        number += 1
    began = time.perf_counter()
    restore.finish()
    seconds += time.perf_counter() - began
    running.parts.journal.close()
    running.folder.close()
    return taken / seconds, taken, len(kernel.blotter.orders)


def fold_read_model(catalogue: Catalogue, journal: Renumbered, wanted: int) -> tuple[float, int]:
    """Decode and fold ``wanted`` records or a few more into the read model's tables.

    Returns records a second and how many there were.
    """
    codec = Codec(catalogue)
    raws, number = [journal.boot()], 0
    while len(raws) < wanted:
        raws += journal.time(number)
        number += 1
    began = time.perf_counter()
    fold(
        JournalEntry(
            sequence, raw.epoch, raw.at, raw.wall, codec.decode(raw.payload, TYPES[raw.type_number])
        )
        for sequence, raw in enumerate(raws, 1)
    )
    return len(raws) / (time.perf_counter() - began), len(raws)


def main() -> int:
    """Measure and print; 1 when the target was missed."""
    trap_float_mixing()
    reader = argparse.ArgumentParser(prog="python -m benchmarks.recovery")
    reader.add_argument("--orders", type=int, default=500)
    reader.add_argument("--records", type=int, default=10_000)
    reader.add_argument("--fold", type=int, default=1_000_000, help="records; 0 leaves it out")
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rig = Rig(folder / "state")
        asyncio.run(trade(rig, asked.orders, asked.records))
        path = folder / "state" / f"journal-{TRADING_DATE.isoformat()}.log"
        began = time.perf_counter()
        content = read_journal(path, rig.catalogue)
        checked = time.perf_counter() - began
        print(
            f"a journal of {len(content):,} records ({path.stat().st_size / 1e6:.1f} MB), "
            f"a book of {len(rig.broker.rows)} orders and {len(rig.broker.trades)} trades"
        )
        folded, ready = asyncio.run(recover(rig))
        print(f"  read and every hash checked              {checked:6.2f} s")
        print(f"  read, decoded and folded into a kernel   {folded:6.2f} s")
        print(f"  books weighed, strategies told           {ready:6.2f} s")
        if asked.fold:
            journal = Renumbered(content)
            rate, taken, orders = fold_many(Rig(folder / "fold"), journal, asked.fold)
            print(f"{taken:,} records of {orders:,} orders, decoded and folded into one kernel")
            print(f"  {rate:,.0f} records/s")
            rate, taken = fold_read_model(rig.catalogue, journal, asked.fold // READ_MODEL_SHARE)
            print(f"{taken:,} records, decoded and folded into the read model's tables")
            print(f"  {rate:,.0f} records/s")
    target = Target("seconds from the journal to trading again", ready, RECOVERS_WITHIN_S)
    print(target)
    return 0 if target.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
