"""A whole day in a seed: brokers and their truth, an engine that is killed and taken up again."""

from __future__ import annotations

import asyncio
import errno
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import partial
from random import Random
from typing import Any

from engine.core.kernel import Kernel
from engine.core.seat import SeatConfig
from engine.errors import FileError
from engine.live_parts import LiveSetup, join_live
from engine.model.codec import Codec
from engine.model.effect import Say
from engine.model.instrument import Kind
from engine.model.order import Lifecycle, Product
from engine.model.record import SessionBooted
from engine.ports import Clock
from engine.rules.sessions import Sessions
from engine.runtime.bus import Bus
from engine.runtime.clock import DriftWatch, SteadyClock
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.journal_reader import read_journal
from engine.runtime.memory_disk import MemoryDisk
from engine.testing.market import nifty_chain
from risk.limits import AccountLimits, StrategyLimits
from risk.throttle import Governor
from tests.simulation import invariants
from tests.simulation.adapter import OrderStream, SimExecution
from tests.simulation.broker import Broker, Market
from tests.simulation.disk import WITHIN, InTask, MortalDisk, ProcessDied
from tests.simulation.host import Host
from tests.simulation.life import Life
from tests.simulation.loop import OUTSIDE, PROCESS, VirtualClock, VirtualLoop
from tests.simulation.nemesis import Nemesis
from tests.simulation.nervous_gate import NervousGate
from tests.simulation.network import MemoryHttp, MemoryStream
from tests.simulation.person import Person
from tests.simulation.price_feed import NoLog, PriceFeed
from tests.simulation.sends import Sends
from tests.simulation.trader import STRIKES, Trader, TraderParams, TraderState
from tests.simulation.witness import Lane, Witness

TRADING_DATE = date(2026, 8, 18)
IST = timezone(timedelta(hours=5, minutes=30))
START_NS = int(datetime(2026, 8, 18, 9, 20, tzinfo=IST).timestamp()) * 10**9
TRADES_FOR_S = 600.0
RESTS_WITHIN_S = 420.0
CHECKPOINT_EVERY = 25
"""Far more often than in earnest, so that every kind of record comes to stand between two."""
ACCOUNTS = {"tagged": ("A1", "A2"), "untagged": ("B1",)}
MAX_LEGS = {"tagged": 1, "untagged": 4}

LIMITS = AccountLimits(
    max_loss_inr=100_000_000,
    max_order_value_inr={"premium": 100_000_000},
    max_order_lots=100,
    max_position_lots=1_000,
    max_uncovered_short_lots=1_000,
    max_open_orders=1_000,
    max_rejections=1_000,
)


STEP_S = 1.0
"""How long the market stands still between two of its steps."""
FRAME_BYTES = 8
"""What stands before a record in the journal: the length of what follows, and its checksum."""
SECTOR = 512
"""A disk writes so many bytes or none of them."""
SHORT_LANE = 3
"""Order updates that wait in a lane that is short: one more is refused."""
CHECKS_EVERY = 10
"""Every so many steps what always holds is checked even if nothing was journaled."""


@dataclass
class World:
    """Everything outside of the engine, and the engine's lives one after the other."""

    loop: VirtualLoop
    seed: int
    scale: float = 1.0
    trades_for_s: float = TRADES_FOR_S
    campaign: str = "ordinary"
    dice: Random = field(init=False)
    nemesis: Nemesis = field(init=False)
    said: list[Say] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed * 7919 + 1)
        self.nemesis = Nemesis(
            Random(self.seed * 7919 + 2),
            self.scale,
            self.campaign,
            apart=Random(self.seed * 7919 + 40),
        )
        self.clock = VirtualClock(self.loop, START_NS)
        self.wall = VirtualClock(self.loop, START_NS)
        self._wall_of_lives = 0
        self._is_off = False
        self.catalogue = nifty_chain()
        self.by_key = {i.key: i for i in self.catalogue}
        self.sessions = Sessions()
        prices = {
            i.key: 2_430_000 if i.kind is not Kind.OPTION else 10_000
            for i in self.catalogue
            if i.kind is Kind.INDEX or i.strike in STRIKES
        }
        self.market = Market(Random(self.seed * 7919 + 3), prices)
        lots = {i.key: i.lot_size for i in self.catalogue}
        self.brokers = {
            name: Broker(
                name[:1].upper(),
                Random(self.seed * 7919 + 4 + number),
                self.market,
                lots,
                self.clock.true_ns,
                echoes_tag=name == "tagged",
                legs_max=MAX_LEGS[name],
            )
            for number, name in enumerate(ACCOUNTS)
        }
        self.https = {
            name: MemoryHttp(broker, Random(self.seed * 7919 + 10 + n), self.nemesis)
            for n, (name, broker) in enumerate(self.brokers.items())
        }
        self.streams = {
            name: MemoryStream(broker, Random(self.seed * 7919 + 20 + n), self.nemesis)
            for n, (name, broker) in enumerate(self.brokers.items())
        }
        self.disk = self._mortal(b"")
        self.point = 0
        self.dies_at_point = 0
        self.traded_until_turn = 0
        self.dies_at_turns: list[int] = []
        self.loop.on_turn = self._turned
        self._syncing: InTask | None = None
        self.life: Life | None = None
        self.lives = 0
        self.feed = PriceFeed(self.market, self.by_key)
        self.always: list[Callable[[Kernel], None]] = []
        self.misled: list[str] = []
        self.witnesses: list[Witness] = []
        self._newborn: list[Witness] = []
        self._checked_at = 0
        self._unchecked_for = 0
        self.sends = Sends(
            self.brokers, self.nemesis.beyond, self.nemesis.refused, self.counts, self.note
        )
        self.person = Person(self)
        for http in self.https.values():
            http.is_known = self._is_known
            http.holds = self.person.holds_connection
            http.on_connecting = self.sends.connecting
            http.on_leaving = self.sends.left
            http.on_changing = self.sends.changed
        self.host = Host(self)

    @property
    def early(self) -> list[str]:
        """Tags that a broker saw before they were durable."""
        return self.sends.early

    @property
    def stale(self) -> list[str]:
        """Tags that left though nobody wanted them any more."""
        return self.sends.stale

    @property
    def untrue(self) -> list[str]:
        """Ends that were believed and were wrong."""
        return self.sends.untrue

    def close(self) -> None:
        """Leave nothing on the real disk."""
        self.host.close()

    # -- the engine's lives ----------------------------------------------------------------------

    def start(self) -> None:
        """Start the engine on what the disk holds, as a process of its own."""
        copy_context().run(self._start)

    def _start(self) -> None:
        self.lives += 1
        PROCESS.set(self.lives)
        self.feed = PriceFeed(self.market, self.by_key)
        clock = SteadyClock(self.wall.now, self.clock.true_ns)
        setup = self._setup(clock)
        self.host.take_folder()
        try:
            self._newborn = []
            parts = join_live(setup, self.disk)
        except ProcessDied:
            return
        except FileError as error:
            self.host.leave_folder()
            self._refused(error)
            return
        earlier = [(e.sequence, e.record) for e in read_journal(self.disk, self.catalogue)]
        self.sends.watch(parts.journal, self.disk, clock, parts.kernel, earlier)
        lane = self._watch_lane(parts.bus)
        make = self.loop.create_task
        tasks = [make(parts.commit.run()), make(parts.runner.run())]
        for name, accounts in ACCOUNTS.items():
            stream = OrderStream(
                self.streams[name],
                self._execution(name, clock),
                accounts,
                Random(self.seed * 7919 + 30 + self.lives),
                lane.offer,
            )
            tasks.append(make(stream.run()))
        for task in tasks[:2]:
            task.add_done_callback(self._ended)
        self.life = Life(
            parts,
            self.disk,
            tasks,
            self._newborn,
            lane,
            clock,
            DriftWatch(clock),
            self.wall.skew_ns,
        )
        self._is_off = self._is_off or self.wall.skew_ns != 0
        self._wall_of_lives = max(self._wall_of_lives, self.wall.skew_ns)
        self.witnesses += self._newborn
        self.note(f"life {self.lives} starts")

    def _refused(self, error: FileError) -> None:
        """Do what a person does who reads why: set the clock right, or cut off what was not synced.

        A sector that did not get through has whole records behind it, all of them not synced.
        """
        self.note(f"life {self.lives} refuses to start: {error}")
        damaged = re.search(r"at byte (\d+) is damaged", str(error))
        if damaged is not None:
            self.counts["start_refused_by_hole"] += 1
            self.disk.truncate(int(damaged[1]))
        elif "clock" in str(error):
            self.counts["start_refused_by_clock"] += 1
            self.wall.skew_ns = self._wall_of_lives
        else:
            raise error
        self.loop.call_later(5.0, self.start, context=OUTSIDE)

    def _execution(self, name: str, clock: Clock) -> SimExecution:
        return SimExecution(
            self.https[name],
            self.catalogue,
            clock,
            echoes_tag=name == "tagged",
            source=name,
            max_legs=MAX_LEGS[name],
        )

    def _setup(self, clock: Clock) -> LiveSetup:
        executions = {
            account: self._execution(name, clock)
            for name, accounts in ACCOUNTS.items()
            for account in accounts
        }
        gate = NervousGate(
            self.nemesis,
            LIMITS,
            {name: StrategyLimits() for name in ("alpha", "beta")},
            self.sessions,
            TRADING_DATE,
        )
        return LiveSetup(
            trading_date=TRADING_DATE,
            catalogue=self.catalogue,
            sessions=self.sessions,
            gate=gate,
            governor=Governor.of(LIMITS),
            executions=executions,
            feed=self.feed,
            clock=clock,
            wall=self.wall,
            log=NoLog(),
            seats=self._seats,
            boot=boot(self.lives),
            say=self.tell,
            sync=self._sync,
            stopwatch=lambda: 0,
            checkpoint_every=CHECKPOINT_EVERY,
        )

    def kill(self) -> None:
        """Take the process away: nothing of it runs on, and unsynced bytes may be lost."""
        life = self.life
        self.note(f"life {self.lives} is killed")
        self.counts["kill"] += 1
        self.loop.thaw()
        self.host.leave_folder()
        if life is not None:
            parts = life.parts
            for witness in life.witnesses:
                witness.caught_up()
            self.counts["order_lane_refused"] += life.lane.refused
            for task in [*life.tasks, *parts.effects.tasks(), *parts.sender.tasks()]:
                task.cancel()
        if self._syncing is not None:
            self._syncing.cancel()
        # A process may die while it is still taking its journal up.
        disk = self.disk
        disk.on_point = lambda _: None
        unsynced = len(disk.read()) - disk.synced_length
        kept = self.dice.choice((unsynced, self.dice.randint(0, unsynced)))
        if kept < unsynced:
            self.counts["kill_lost_bytes"] += 1
        self.disk = self._mortal(self._got_through(disk.crash(kept).read(), disk.synced_length))
        self.life = None
        for stream in self.streams.values():
            stream.break_all()

    def _got_through(self, content: bytes, synced: int) -> bytes:
        """Return what is left of bytes that were not synced: now and then one sector is not."""
        sectors = range(-(-synced // SECTOR), len(content) // SECTOR)
        if not sectors or self.dice.random() < 0.3:
            return content
        hole = self.dice.choice(sectors) * SECTOR
        self.counts["kill_left_a_hole"] += 1
        return content[:hole] + bytes(SECTOR) + content[hole + SECTOR :]

    def _mortal(self, content: bytes) -> MortalDisk:
        disk = MortalDisk(content)
        disk.on_point = self._passes
        disk.gets_through = self._gets_through
        return disk

    def _gets_through(self, data: bytes) -> int:
        """Return how much of a write is in the file: now and then its first record and some more.

        The records of one event are one write: what a restart makes of a part of them is seen here.
        """
        dice, first = self.nemesis.apart, FRAME_BYTES + int.from_bytes(data[:4], "little")
        if first >= len(data) or not self.nemesis.strikes("write_torn", dice):
            return len(data)
        return dice.randrange(first, len(data))

    def _passes(self, point: str) -> None:
        """Count the points of the disk that are passed; at the chosen one the process dies.

        It also does within a write that gets through in part.
        """
        self.point += 1
        if self.point == self.dies_at_point or point == WITHIN:
            self.die(point)
            raise ProcessDied(point)

    def _turned(self, turn: int) -> None:
        """Before a turn of the loop: at the chosen ones the process dies, wherever it stands."""
        if self.dies_at_turns and turn >= self.dies_at_turns[0] and self.life is not None:
            self.dies_at_turns.pop(0)
            self.die(f"before turn {turn}")

    def die(self, where: str) -> None:
        """Be killed here, and taken up again after a while."""
        self.note(f"the end: {where}")
        self.kill()
        away = self.dice.choice((0.1, 1.0, 5.0, 30.0, 90.0))
        self.loop.call_later(away, self.start, context=OUTSIDE)

    def _seats(self, kernel: Kernel, states: Mapping[str, bytes]) -> None:
        for number, (name, accounts) in enumerate(
            (("alpha", {"A1": 1, "B1": 1}), ("beta", {"A2": 1}))
        ):
            seat, context = kernel.seat(
                SeatConfig(
                    strategy_id=name,
                    accounts=accounts,
                    product=Product.INTRADAY,
                    seed=self.seed * 10 + number + self.lives * 1000,
                )
            )
            payload = states.get(name)
            state = (
                TraderState()
                if payload is None
                else Codec(kernel.desk.catalogue).decode_state(payload, TraderState)
            )
            began_ns = START_NS + self.wall.skew_ns
            until = datetime.fromtimestamp(began_ns / 1e9 + self.trades_for_s, IST).time()
            params = TraderParams(until=until)
            trader = Trader(params, state, context)
            trader.witness = Witness(kernel, name, self.lives, self.sends.filled, self.misled)
            self._newborn.append(trader.witness)
            seat.sit(trader, wants_ticks=True)

    def _sync(self, journal: Journal) -> InTask:
        """Return how this life's journal is synced.

        What is appended between the beginning of a sync and its end may be covered or not: half of
        them cover only what was there when they began.
        """
        disk = self.disk

        async def sync(sequence: int, length: int) -> int:
            slow = self.nemesis.strikes("sync_slow")
            takes_s = self.dice.uniform(0.3, 2.0) if slow else 0.0005
            await asyncio.sleep(takes_s + self.person.holds_sync())
            if self.nemesis.strikes("disk_fails"):
                self._break(disk)
            if disk.is_closed:
                raise asyncio.CancelledError
            synced_before = disk.synced_length
            reached = journal.sync()
            if self.dice.random() < 0.5:
                return reached
            disk.forget_behind(length, synced_before)
            return sequence

        self._syncing = InTask(lambda: partial(sync, journal.sequence, disk.length))
        return self._syncing

    def _break(self, disk: MortalDisk) -> None:
        """Let the next sync fail, or the next write: a full disk, or one that became read-only."""
        number = self.dice.choice((errno.EIO, errno.ENOSPC, errno.EROFS))
        self.note(f"the disk fails: {errno.errorcode[number]}")
        if number == errno.EIO:
            disk.sync_error = number
        else:
            disk.append_error = number

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """A run whose journal cannot be written is over; it is started again on another disk."""
        if task.cancelled() or not isinstance(task.exception(), JournalBroken):
            return
        if self.life is not None and task in self.life.tasks:
            self.die("the journal is broken")

    def _watch_lane(self, bus: Bus) -> Lane:
        """Watch the order lane of a bus; now and then it is a short one."""
        lane = Lane(bus, self.misled)
        bus._orders = lane
        if self.nemesis.strikes("order_lane_short"):
            bus._order_lane_max = SHORT_LANE
        return lane

    def fold(self) -> Kernel:
        """Return a kernel made from the journal alone."""
        assert self.life is not None
        disk = MemoryDisk(self.disk.read())
        return join_live(self._setup(self.life.clock), disk).kernel

    def tell(self, line: Say) -> None:
        """Tell a person."""
        self.said.append(line)
        self.note(f"{line.level} {line.subject}: {line.text}")

    def note(self, text: str) -> None:
        """Make something part of the story, and of the trace."""
        at = (self.clock.true_ns() - START_NS) / 1e9
        self.story.append(f"{at:9.3f} {text}")
        self.loop.note(text)

    # -- the world around it ---------------------------------------------------------------------

    async def turn(self, seconds: float) -> None:
        """Let ``seconds`` of the day pass: prices move, orders fill, people meddle."""
        until = self.loop.time() + seconds
        while self.loop.time() < until:
            await asyncio.sleep(STEP_S)
            moved = self.market.step()
            for key in moved:
                for broker in self.brokers.values():
                    broker.move(key)
            life = self.life
            if life is not None:
                if not self.loop.is_frozen:
                    for tick in self.feed.ticks(moved, life.clock.now()):
                        life.parts.bus.publish_tick(tick)
                    self.host.tell_drift(life)
                self._check(life)
            self._meddle()
            self.host.trouble()

    def _check(self, life: Life) -> None:
        """Check what always holds: whenever something was journaled, and every so often besides."""
        sequence = life.parts.journal.sequence
        self._unchecked_for += 1
        if sequence == self._checked_at and self._unchecked_for < CHECKS_EVERY:
            return
        self._checked_at, self._unchecked_for = sequence, 0
        for check in self.always:
            check(life.parts.kernel)
        self.check_told(life)

    def unknowable(self, kernel: Kernel) -> list[str]:
        """Return the orders in quarantine that no book can tell of any more.

        Where no tag is echoed an order is known by when it was placed: if the engine's clock was
        an hour off, or the order long under way, only a person can say which it is.
        """
        return [
            order.client_id
            for order in kernel.blotter.live.values()
            if order.lifecycle is Lifecycle.QUARANTINED
            and order.account in ACCOUNTS["untagged"]
            and (self._is_off or order.client_id in self.nemesis.beyond)
        ]

    def _is_known(self, tag: str) -> bool:
        """Say whether the engine knows by which id its broker knows an order."""
        orders = {} if self.life is None else self.life.parts.kernel.blotter.orders
        return tag in orders and orders[tag].broker_id is not None

    def check_told(self, life: Life) -> None:
        """Check that strategies know what the engine knows, and heard it in order."""
        for witness in life.witnesses:
            witness.caught_up()
        invariants.told_in_order(self.misled)

    def _meddle(self) -> None:
        for name, broker in self.brokers.items():
            if self.nemesis.strikes("manual_order"):
                key = self.dice.choice([k for k, i in self.by_key.items() if i.strike in STRIKES])
                account = self.dice.choice(ACCOUNTS[name])
                self.note(f"somebody places {broker.meddle(account, key)} in {account}")
            if self.nemesis.strikes("manual_cancel"):
                cancelled = broker.cancel_one()
                if cancelled is not None:
                    self.note(f"somebody cancels {cancelled}")


def boot(number: int) -> SessionBooted:
    """Return how the life of this number begins."""
    return SessionBooted(
        session_id=f"sim-{number}",
        trading_date=TRADING_DATE.isoformat(),
        mode="live",
        recording="",
        recording_hash="",
        configuration_hash="",
        engine_version="sim",
        engine_hash="",
        strategy_hashes={"alpha": "", "beta": ""},
        rules_version="",
        is_synthetic=True,
    )
