"""Tiny recordings and whole projects: what a run needs, made in a test's own folder."""

from __future__ import annotations

import contextlib
import decimal
import io
import os
import random
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from brokers.angelone import wire
from brokers.angelone.simulator.packets import INDEX_TOKENS
from engine.cli import app as cli
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind
from engine.model.tokens import TokenRow
from engine.rules import RULES_VERSION, black76
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.sessions import Sessions
from engine.runtime.disk import FileDisk
from engine.runtime.journal_reader import read_journal
from engine.runtime.sessions_on_disk import SessionFolder, latest_session
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header, Source, Synthetic
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.writer import SessionLogWriter
from engine.testing import TRADING_DATE, nifty_chain

# How fast a machine draws examples says nothing of the code: no test of ours is a timed assertion.
settings.register_profile(
    "legwork", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("legwork")

R = TypeVar("R")
REPOSITORY = Path(__file__).resolve().parents[1]
MS = 1_000_000
_VOLATILITY = 0.13
_LEVEL_QUANTITY = 6_500


class Tape:
    """SmartStream frames of a small NIFTY chain, written down in the order of the calls.

    The clock starts at ``start``; ``to`` and ``seconds`` move it. ``print_all`` sends one packet
    per instrument, options priced by Black-76 around the spot; ``raw`` sends any bytes at all.
    """

    def __init__(
        self,
        *,
        start: str = "09:15:00",
        trading_date: date = TRADING_DATE,
        strikes_each_side: int = 2,
        cadence_s: float = 1.0,
        spot: float = 24_300.0,
    ) -> None:
        whole = nifty_chain()
        near = [
            facts
            for facts in whole.facts()
            if facts.strike is None or abs(float(facts.strike) - 24_300) <= 50 * strikes_each_side
        ]
        self.catalogue = Catalogue.of(near)
        self.facts: tuple[InstrumentFacts, ...] = tuple(near)
        self.trading_date = trading_date
        self.cadence_s = cadence_s
        self.spot = spot
        self.now = at_ns(trading_date, time.fromisoformat(start))
        self.frames: list[tuple[int, bytes]] = []
        self.rows = tuple(self._token(instrument) for instrument in self.catalogue)
        self._sessions = Sessions()
        self._volume = [0] * len(self.catalogue)

    # -- time ------------------------------------------------------------------------------------

    def to(self, clock: str) -> None:
        """Move the clock to a time of day."""
        self.now = at_ns(self.trading_date, time.fromisoformat(clock))

    def seconds(self, count: float) -> None:
        """Move the clock on."""
        self.now += round(count * NS_PER_S)

    # -- frames ----------------------------------------------------------------------------------

    def option(self, strike: int, right: str) -> Instrument:
        """Return an option of the chain; ``right`` is CE or PE."""
        return self.catalogue.find(f"NIFTY 25AUG26 {strike} {right}")

    def raw(self, frame: bytes) -> None:
        """Send any bytes."""
        self.frames.append((self.now, frame))

    def print(
        self,
        instrument: Instrument,
        last: float,
        *,
        bid: float | None = None,
        ask: float | None = None,
        quantity: int = _LEVEL_QUANTITY,
    ) -> None:
        """Send one packet: QUOTE for an index, SNAP_QUOTE with a five-level book otherwise."""
        self.raw(self.frame(instrument, last, bid=bid, ask=ask, quantity=quantity))

    def print_all(self, spot: float | None = None) -> None:
        """Send a packet of every instrument around ``spot``, a microsecond apart."""
        self.spot = self.spot if spot is None else spot
        for instrument in self.catalogue:
            self.print(instrument, self._fair(instrument))
            self.now += 1_000

    def walk(self, until: str, *, seed: int = 1, step: float = 2.0) -> None:
        """Print everything once a second until a time of day, the spot going at random."""
        dice = random.Random(seed)
        end = at_ns(self.trading_date, time.fromisoformat(until))
        while self.now < end:
            second = self.now
            self.print_all(self.spot + dice.uniform(-step, step))
            self.now = second + NS_PER_S

    def frame(
        self,
        instrument: Instrument,
        last: float,
        *,
        bid: float | None = None,
        ask: float | None = None,
        quantity: int = _LEVEL_QUANTITY,
    ) -> bytes:
        """Return the bytes of one packet at the present time."""
        row = self.rows[instrument.index]
        exchange = wire.EXCHANGE_TYPES[row.segment]
        tick = 5 if instrument.kind is Kind.INDEX else int(instrument.tick_size * 100)
        paise = _on_grid(last, tick)
        self._volume[instrument.index] += 65
        head = (
            exchange,
            row.token,
            0 if instrument.kind is Kind.INDEX else len(self.frames) + 1,
            self.now // NS_PER_S * 1_000,
            paise,
            65,
            paise,
            self._volume[instrument.index],
            1e5,
            1e5,
            paise,
            paise,
            paise,
            paise,
        )
        if instrument.kind is Kind.INDEX:
            return wire.encode(wire.Quote(*head))
        best_bid = max(paise - tick if bid is None else _on_grid(bid, tick), 0)
        best_ask = max(paise + tick if ask is None else _on_grid(ask, tick), 0)
        return wire.encode(
            wire.SnapQuote(
                *head,
                self.now // NS_PER_S,
                1_000_000,
                0,
                _levels(best_bid, -tick, quantity),
                _levels(best_ask, tick, quantity),
                0,
                0,
                0,
                0,
            )
        )

    def text(self, words: str) -> None:
        """Send a text frame as the socket's bytes."""
        self.raw(words.encode())

    # -- file ------------------------------------------------------------------------------------

    def header(self) -> Header:
        """Return the header of the recording."""
        return Header(
            created_by="the tests",
            trading_date=self.trading_date,
            cadence_s=self.cadence_s,
            instruments=self.facts,
            sources=(Source(name="angel", decoder="angelone", tokens=self.rows),),
            rules_version=RULES_VERSION,
            synthetic=Synthetic(generator="tests", seed=0),
        )

    def write(self, path: Path, *, stream: bool = False, flush_rows: int = 4096) -> Path:
        """Write the recording, compacted unless ``stream``."""
        writer = SessionLogWriter(
            FileDisk.create(path),
            self.header(),
            name=str(path),
            flush_rows=flush_rows,
            flush_interval_ns=None,
        )
        for received_at, frame in self.frames:
            writer.frame("angel", received_at, frame)
        writer.close(self.now, "the tape ended")
        return path if stream else compact(path)

    # -- inside ----------------------------------------------------------------------------------

    def _token(self, instrument: Instrument) -> TokenRow:
        index = instrument.kind is Kind.INDEX
        token = INDEX_TOKENS[instrument.underlying] if index else str(40_000 + instrument.index)
        return TokenRow(instrument.segment, token, instrument.key)

    def _fair(self, instrument: Instrument) -> float:
        if instrument.right is None or instrument.strike is None or instrument.expiry is None:
            return self.spot
        _, close = self._sessions.continuous(instrument.segment, instrument.expiry)
        years = black76.years_between(self.now, close)
        strike = float(instrument.strike)
        return black76.price(instrument.right, self.spot, strike, years, _VOLATILITY)


def _on_grid(rupees: float, tick: int) -> int:
    return round(rupees * 100 / tick) * tick


def _levels(best: int, step: int, quantity: int) -> tuple[wire.BookRow, ...]:
    if not best:
        return wire.five(())
    prices = (best + place * step for place in range(wire.BEST_FIVE))
    return wire.five(wire.BookRow(quantity, price, 3) for price in prices if price > 0)


class Ended(NamedTuple):
    """A process that has ended."""

    code: int
    out: str
    err: str


class Project:
    """A folder with a recording, strategies and a YAML, and the real command line in it."""

    STRADDLE = """
    class One(Strategy[Params]):
        def on_start(self):
            self.watch("NIFTY")
            self.at(time(9, 16, 10), self.go)
            self.at(time(9, 17, 30), self.leave)

        def go(self):
            call, put = self.chain("NIFTY").at_the_money()
            self.enter(sell(call, 1), sell(put, 1), name="pair")

        def leave(self):
            self.exit("pair")
    """
    """Sells the straddle at 09:16:10 and leaves it at 09:17:30."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.yaml = folder / "strategies.yaml"

    def write(
        self,
        strategy: str,
        *,
        tape: Tape | Path | None = None,
        paper: str = "{latency_ms: 40, reply_latency_ms: 40}",
        risk: str = "{max_uncovered_short_lots: 20}",
        speed: str = "max",
        entries: str = "  one: {uses: './own.py:One'}",
    ) -> Path:
        """Write everything; ``strategy`` is the body of ``own.py`` below its imports."""
        self.source(strategy)
        if isinstance(tape, Tape):
            (self.folder / "tape.arrow").unlink(missing_ok=True)
            tape.write(self.folder / "tape.arrow")
        elif tape is not None:
            shutil.copyfile(tape, self.folder / "tape.arrow")
        self.yaml.write_text(
            f"mode: paper\nseed: 7\nfeed: {{replay: tape.arrow, speed: {speed}}}\n"
            f"risk: {risk}\npaper: {paper}\nstrategies:\n{entries}\n"
        )
        return self.yaml

    def source(self, strategy: str) -> Path:
        """Write ``own.py`` alone."""
        path = self.folder / "own.py"
        path.write_text(
            "from engine import *\n"
            "from engine import Strategy, Params, State, Field, buy, sell, time\n\n"
            + textwrap.dedent(strategy)
        )
        return path

    def engine(self, *words: str | Path, hash_seed: int | None = None, **more: str) -> Ended:
        """Run one command line in the folder and wait for it."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(hash_seed=hash_seed, **more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def cli(self, *words: str | Path) -> Ended:
        """Run one command line in the folder, in this process: quicker, and as the same code."""
        out, err = io.StringIO(), io.StringIO()
        before = decimal.DefaultContext.traps[decimal.FloatOperation]
        try:
            with (
                decimal.localcontext(),
                contextlib.chdir(self.folder),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                code = cli.main([str(word) for word in words])
        finally:
            decimal.DefaultContext.traps[decimal.FloatOperation] = before
        return Ended(code, out.getvalue(), err.getvalue())

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start one command line in the folder."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def command(*words: str | Path) -> Sequence[str]:
        """Return the command line."""
        return [sys.executable, "-W", "error", "-m", "engine", *map(str, words)]

    @staticmethod
    def environment(*, hash_seed: int | None = None, **more: str) -> dict[str, str]:
        """Return the environment: this source tree first, the hash seed as asked."""
        found = os.environ | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "120"} | more
        if hash_seed is not None:
            found["PYTHONHASHSEED"] = str(hash_seed)
        return found

    def newest(self) -> SessionFolder:
        """Return the newest session."""
        return latest_session(self.folder / "sessions")

    def records(self, kind: type[R]) -> list[R]:
        """Return the newest session's journal records of one class."""
        catalogue = SessionLog.open(self.newest().log).header.catalogue()
        entries = read_journal(self.newest().journal, catalogue)
        return [entry.record for entry in entries if isinstance(entry.record, kind)]

    def sessions(self) -> list[Path]:
        """Return the session folders, by name."""
        return sorted((self.folder / "sessions").glob("*"))

    def leftovers(self) -> list[Path]:
        """Return files that no session has: parts, streams, crash notes."""
        known = {"journal.log", "session.arrow", "strategies.yaml", "readmodel.sqlite", "log.jsonl"}
        known |= {"report.html", "machine.json"}
        found = [path for folder in self.sessions() for path in folder.iterdir()]
        return [path for path in found if path.name not in known]


@pytest.fixture(autouse=True)
def _decimal_context_of_its_own() -> Iterator[None]:
    """No test leaves the engine's decimal context, or a strategy's, to the next."""
    with decimal.localcontext():
        yield


@pytest.fixture
def new_tape() -> Callable[..., Tape]:
    """Make a tape."""
    return Tape


@pytest.fixture(scope="session")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 09:15:55 to 09:18:10, everything printing once a second."""
    tape = Tape(start="09:15:55")
    tape.walk("09:18:10")
    return tape.write(tmp_path_factory.mktemp("morning") / "morning.arrow")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder of one's own."""
    return Project(tmp_path)
