"""A day of real deaths: brokers that live on, one engine process after the other on one folder."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from engine.core.kernel import Kernel
from engine.model.instrument import Kind
from engine.model.order import Lifecycle
from engine.model.record import OrderChanged
from engine.runtime.journal_reader import read_journal
from engine.testing.market import nifty_chain
from tests.simulation.broker import Broker, Market
from tests.simulation.invariants import Violated
from tests.simulation.real_deaths.broker_server import BrokerServer
from tests.simulation.real_deaths.life import LAST_WORDS, STATE, Life
from tests.simulation.real_deaths.pace import PacedClock
from tests.simulation.real_deaths.truth import SendsOnDisk, judge
from tests.simulation.trader import STRIKES
from tests.simulation.world import ACCOUNTS, MAX_LEGS, START_NS, TRADING_DATE

LIVES_S = (0.05, 0.4)
"""A process is killed so long after it was forked, in real seconds, uniformly."""
AWAY_S = (0.0, 0.0, 0.0, 0.02, 0.2)
"""How long nobody trades then."""
RESTS_WITHIN_S = 60
"""Real seconds the last process has to come to rest in, before the system ends it."""
KILLED = -9


@dataclass
class Outcome:
    """What a day came to. ``violation`` is empty when everything held."""

    deaths: int = 0
    orders: int = 0
    fills: int = 0
    records: int = 0
    seconds: float = 0.0
    violation: str = ""
    ends: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)


async def run_day(seed: int, deaths: int, pace: int) -> Outcome:
    """Kill ``deaths`` engines one after the other, let the last come to rest, and judge."""
    outcome = Outcome()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="real-deaths-") as folder:
        try:
            await _day(outcome, Path(folder), seed, deaths, pace)
        except Violated as violated:
            outcome.violation = str(violated)
        except Died as died:
            outcome.violation = f"{died}"
    outcome.seconds = time.monotonic() - began
    return outcome


async def _day(outcome: Outcome, folder: Path, seed: int, deaths: int, pace: int) -> None:
    dice = Random(seed)
    zero_ns = time.monotonic_ns()
    market, brokers = _brokers(seed, PacedClock(START_NS, zero_ns, pace))
    journal = folder / STATE / f"journal-{TRADING_DATE.isoformat()}.log"
    sends = SendsOnDisk(journal)
    early: list[str] = []
    for broker in brokers.values():
        broker.on_placed = lambda tag: None if sends.has(tag) else early.append(tag)
    server = BrokerServer(brokers, market, Random(seed + 1))
    url = await server.start()

    def life(number: int, *, is_last: bool) -> Life:
        return Life(
            folder=str(folder),
            url=url,
            zero_ns=zero_ns,
            pace=pace,
            number=number,
            seed=seed * 1000 + number,
            every_s=0.4,
            until="09:15" if is_last else "15:20",
            ends_at_rest=is_last,
            at_most_s=RESTS_WITHIN_S,
        )

    try:
        async with Nursery(folder / "errors") as nursery:
            for number in range(1, deaths + 1):
                await nursery.bear(life(number, is_last=False))
                await asyncio.sleep(dice.uniform(*LIVES_S))
                await nursery.kill()
                outcome.deaths += 1
                await asyncio.sleep(dice.choice(AWAY_S))
            last = life(deaths + 1, is_last=True)
            await nursery.bear(last)
            await nursery.wait()
            words = json.loads((folder / LAST_WORDS).read_text())
            errors = (folder / "errors").read_text()
    finally:
        await server.stop()
        outcome.orders = sum(len(broker.rows) for broker in brokers.values())
        outcome.fills = sum(len(broker.trades) for broker in brokers.values())
    if server.failures:
        raise Died(f"our own brokers failed: {server.failures[0]!r}")
    outcome.records = words["records"]
    kernel = judge(last, journal, brokers, early, errors, words["digest"])
    _count(outcome, kernel, journal)


def _brokers(seed: int, clock: PacedClock) -> tuple[Market, dict[str, Broker]]:
    catalogue = nifty_chain()
    prices = {
        i.key: 2_430_000 if i.kind is not Kind.OPTION else 10_000
        for i in catalogue
        if i.kind is Kind.INDEX or i.strike in STRIKES
    }
    market = Market(Random(seed + 2), prices)
    lots = {i.key: i.lot_size for i in catalogue}
    return market, {
        name: Broker(
            name[:1].upper(),
            Random(seed + 3 + number),
            market,
            lots,
            clock.now,
            echoes_tag=name == "tagged",
            legs_max=MAX_LEGS[name],
        )
        for number, name in enumerate(ACCOUNTS)
    }


def _count(outcome: Outcome, kernel: Kernel, journal: Path) -> None:
    """Count how orders ended, and what the deaths came in the middle of."""
    for order in kernel.blotter.orders.values():
        outcome.ends[order.lifecycle.value] += 1
    in_doubt = set()
    for entry in read_journal(journal, nifty_chain()):
        if isinstance(entry.record, OrderChanged):
            order = entry.record.order
            if order.lifecycle is Lifecycle.IN_DOUBT:
                in_doubt.add(order.client_id)
    outcome.met["orders in doubt"] += len(in_doubt)
    for client_id in in_doubt:
        outcome.met[f"doubt that ended {kernel.blotter.orders[client_id].lifecycle.value}"] += 1


class Died(Exception):
    """An engine ended otherwise than it should have: its exit code and its last words."""


class Nursery:
    """The process that forks engines, asked over its pipes. Use as a context: it ends with it."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors

    async def __aenter__(self) -> Self:
        with self._errors.open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.simulation.real_deaths.nursery",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """End it; at the end of its input it takes its child along."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def bear(self, life: Life) -> int:
        """Begin a process; return its id."""
        return await self._ask(life)

    async def kill(self) -> None:
        """SIGKILL the process. Raises ``Died`` when it had ended before."""
        self._expect(await self._ask("kill"), KILLED)

    async def wait(self) -> None:
        """Wait for the process to end in order. Raises ``Died`` when it did not."""
        self._expect(await self._ask("wait"), 0)

    def _expect(self, code: int, wanted: int) -> None:
        if code != wanted:
            words = self._errors.read_text()[-3000:]
            raise Died(f"an engine ended with {code}, not {wanted}\n{words}")

    async def _ask(self, what: Life | str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(what) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise Died(f"the nursery is gone\n{self._errors.read_text()[-3000:]}")
        return int(line)
