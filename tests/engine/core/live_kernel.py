"""A live kernel on a table: the test is the shell, the broker and the clock; nothing is awaited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from engine import Params, State, Strategy, Tick
from engine.core.kernel import Kernel
from engine.core.kernel_config import KernelConfig
from engine.core.restore import Restore, next_sequence
from engine.core.seat import SeatConfig
from engine.model.codec import Codec
from engine.model.command import MessageKind, Ticket
from engine.model.effect import (
    Effect,
    Enqueue,
    Forget,
    Keep,
    ReadBooks,
    Say,
    Transmit,
    TransmitCancel,
    TransmitReplace,
)
from engine.model.event import (
    Event,
    OrderStreamChanged,
    OrderUpdated,
    ReplyClassified,
    ReplyOutcome,
    SendReleased,
    SendWritten,
    SnapshotMerged,
    Started,
    TimerFired,
)
from engine.model.instrument import Instrument
from engine.model.order import Order, Product
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.record import Record, SessionBooted, StateSaved
from engine.model.side import Side
from engine.model.snapshot import PositionRow, Snapshot, TradeRow
from engine.rules.clock_time import at_ns, ns
from engine.rules.sessions import Sessions
from engine.runtime.clock import VirtualClock
from engine.runtime.journal import Journal
from engine.runtime.journal_reader import read_journal
from engine.runtime.memory_disk import MemoryDisk
from engine.testing import nifty_chain
from risk.gate import Gate
from risk.kill_switch import KillSwitch
from risk.limits import AccountLimits, StrategyLimits

DAY = date(2026, 8, 18)
TEN = at_ns(DAY, time(10, 0))
ROOMY = AccountLimits(
    max_loss_inr=100_000_000,
    max_order_value_inr={"premium": 100_000_000},
    max_order_lots=100,
    max_position_lots=1_000,
    max_uncovered_short_lots=1_000,
    max_open_orders=1_000,
    max_rejections=1_000,
)


class Memory(State):
    """What the puppet remembers."""

    notes: list[str] = []  # noqa: RUF012 - a Struct copies it


class Puppet(Strategy[Params]):
    """Does what a test says, and writes down what it is told."""

    state: Memory

    def on_start(self) -> None:
        self.told: list[str] = []
        self.recovered = 0
        self.watch("NIFTY")

    def on_tick(self, tick: Tick) -> None:
        """Prices decide nothing here."""

    def on_recovered(self) -> None:
        self.recovered += 1

    def on_order(self, order: Order) -> None:
        self.told.append(f"{order.client_id} {order.lifecycle}")


class LiveKernel:
    """One process: a kernel on ``disk``'s journal. ``A1`` echoes tags, ``B1`` does not.

    What the kernel wants is written down; the governor lets everything go at once while
    ``releases`` is True, and bytes leave in the moment they are released. ``sent`` has the orders
    of every request; one may place ``max_legs`` of them.
    """

    def __init__(
        self,
        disk: MemoryDisk | None = None,
        *,
        now: int = TEN,
        accounts: Mapping[str, int] | None = None,
        limits: AccountLimits = ROOMY,
        exits_on_error: bool = True,
        exits_on_max_loss: bool = True,
        strategy: type[Any] = Puppet,
        params: Params | None = None,
        state: type[State] = Memory,
        max_legs: int = 1,
    ) -> None:
        self.disk = MemoryDisk() if disk is None else disk
        self.now = now
        self.limits = limits
        self.accounts = {"A1": 1} if accounts is None else accounts
        self.exits_on_error = exits_on_error
        self.max_legs = max_legs
        self.catalogue = nifty_chain()
        self.call = self.catalogue.find("NIFTY 25AUG26 24300 CE")
        self.put = self.catalogue.find("NIFTY 25AUG26 24300 PE")
        self.prices = {self.call: 100.0, self.put: 90.0}
        self.releases = True
        self.writes = True
        self.records: list[Record] = []
        self.said: list[Say] = []
        self.reads: list[str] = []
        self.queue: list[Ticket] = []
        self.placed: list[str] = []
        self.sent: list[tuple[str, ...]] = []
        self.cancels: list[str] = []
        self.replaces: list[str] = []
        content = read_journal(self.disk, self.catalogue)
        entries = list(content)
        wall = VirtualClock(now)
        self.journal = (
            Journal.resume(self.disk, wall, name="journal", position=content.position)
            if entries
            else Journal.create(self.disk, wall, name="journal")
        )
        self.journal.append(BOOT, now)
        self.kill_switch = KillSwitch()
        sessions = Sessions()
        self.kernel = Kernel(
            KernelConfig(
                trading_date=DAY,
                next_client_sequence=next_sequence(entry.record for entry in entries),
                booked_accounts=("A1", "B1"),
                untagged_accounts=("B1",),
                max_legs={"A1": max_legs, "B1": max_legs},
            ),
            self.catalogue,
            sessions,
            Gate(limits, {"puppet": StrategyLimits()}, sessions, DAY),
            self.kill_switch,
        )
        states = [e.record.payload for e in entries if isinstance(e.record, StateSaved)]
        seat, context = self.kernel.seat(
            SeatConfig(
                strategy_id="puppet",
                accounts=dict(self.accounts),
                product=Product.INTRADAY,
                exits_on_error=exits_on_error,
                exits_on_max_loss=exits_on_max_loss,
            )
        )
        kept = Codec(self.catalogue).decode_state(states[-1], state) if states else state()
        self.puppet = strategy(params or Params(), kept, context)
        seat.sit(self.puppet)
        self.seat = seat
        if entries:
            restore = Restore(self.kernel)
            for entry in entries:
                restore.take(entry.record, entry.at)
            restore.finish()

    # -- lives -----------------------------------------------------------------------------------

    def start(self) -> LiveKernel:
        self.tell(Started())
        return self

    def ready(self) -> LiveKernel:
        """Start, with streams up and books that hold nothing."""
        self.start()
        for account in ("A1", "B1"):
            self.tell(OrderStreamChanged(account, True, "connected"))
            while account in self.reads:
                self.show(account)
        self.tick()
        return self

    def restart(self, away_s: float = 1.0, **changes: Any) -> LiveKernel:
        """Return the next process, not started: this one was killed with all it wrote on disk."""
        kept = {
            "accounts": self.accounts,
            "limits": self.limits,
            "exits_on_error": self.exits_on_error,
            "max_legs": self.max_legs,
        }
        again = LiveKernel(
            MemoryDisk(self.disk.read()), now=self.now + ns(away_s), **(kept | changes)
        )
        again.prices = {again.call: self.prices[self.call], again.put: self.prices[self.put]}
        return again

    # -- events ----------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Let something happen now, and whatever follows at once."""
        self.carry(self.kernel.handle(event, self.now))
        while self.queue and self.releases:
            tickets, self.queue = tuple(self.queue), []
            self.tell(SendReleased(tickets))

    def carry(self, effects: Iterable[Effect]) -> None:
        written: list[tuple[MessageKind, str]] = []
        for effect in effects:
            if isinstance(effect, Keep):
                self.journal.append(effect.record, self.now)
                self.records.append(effect.record)
            elif isinstance(effect, Say):
                self.said.append(effect)
            elif isinstance(effect, Enqueue):
                self.queue += effect.tickets
            elif isinstance(effect, Forget):
                kept = [
                    (t, [c for c in t.client_ids if c not in effect.client_ids]) for t in self.queue
                ]
                self.queue = [ticket.of(wanted) for ticket, wanted in kept if wanted]
            elif isinstance(effect, ReadBooks):
                self.reads.append(effect.account)
            elif isinstance(effect, Transmit):
                self.sent.append(tuple(r.client_id for r in effect.batch.item.requests))
                for request in effect.batch.item.requests:
                    self.placed.append(request.client_id)
                    written.append((MessageKind.PLACE, request.client_id))
            elif isinstance(effect, TransmitCancel):
                self.cancels.append(effect.client_id)
            elif isinstance(effect, TransmitReplace):
                self.replaces.append(effect.replacement.item.client_id)
        for kind, client_id in written if self.writes else ():
            self.tell(SendWritten(kind, (client_id,)))

    def wait(self, seconds: float) -> None:
        """Let time pass, timer by timer; nobody answers meanwhile."""
        until = self.now + ns(seconds)
        while self.kernel.next_timer() <= until:
            self.now = max(self.now, self.kernel.next_timer())
            self.tell(TimerFired(self.now))
        self.now = until

    def tick(self) -> None:
        """Print the two options and the index."""
        index = next(iter(self.catalogue))
        self.tell(Tick(index, "t", 24_300.0, self.now, self.now))
        for instrument, price in self.prices.items():
            self.tell(
                Tick(
                    instrument,
                    "t",
                    price,
                    self.now,
                    self.now,
                    bid=price - 0.05,
                    ask=price + 0.05,
                    bid_qty=6_500,
                    ask_qty=6_500,
                )
            )

    def ask(self, what: Callable[[Any], Any]) -> None:
        """Run something as if it stood in a hook of the strategy."""
        desk = self.kernel.desk
        desk.timers.add(self.now, lambda: self.seat.call("ask", lambda: what(self.puppet)))
        self.tell(TimerFired(self.now))

    def enter(self, *legs: Any, name: str = "g", **options: Any) -> list[str]:
        """Enter a group at fresh prices; return the ids of what was sent for it."""
        sent = len(self.placed)
        self.ask(lambda s: s.enter(*legs, name=name, **options))
        self.tick()
        return self.placed[sent:]

    # -- what the broker says --------------------------------------------------------------------

    def reply(
        self, client_id: str, outcome: ReplyOutcome, broker_id: str | None = None, text: str = ""
    ) -> None:
        self.tell(ReplyClassified(MessageKind.PLACE, client_id, outcome, broker_id, "", text))

    def accept(self, client_id: str, broker_id: str) -> None:
        self.reply(client_id, ReplyOutcome.ACCEPTED, broker_id)

    def lose(self, client_id: str) -> None:
        """No reply came."""
        self.reply(client_id, ReplyOutcome.AMBIGUOUS, text="no reply")

    def row(
        self,
        order: Order | str,
        status: RemoteStatus,
        filled: int = 0,
        broker_id: str | None = "X1",
        **more: Any,
    ) -> OrderUpdate:
        """Return an order of ours as its broker shows it: with its tag in A1, without in B1."""
        order = self.order(order) if isinstance(order, str) else order
        facts: dict[str, Any] = {
            "account": order.account,
            "source": "t",
            "status": status,
            "client_id": order.client_id if order.account == "A1" else None,
            "broker_id": broker_id,
            "filled_quantity": filled,
            "average_price": order.price if filled else None,
            "quantity": order.quantity,
            "price": order.price,
            "instrument": order.instrument,
            "side": order.side,
            "product": order.request.product,
            "placed_at": order.sent_at,
        }
        return OrderUpdate(**(facts | more))

    def stranger(
        self, broker_id: str | None, status: RemoteStatus, filled: int = 0, **more: Any
    ) -> OrderUpdate:
        """Return somebody's order in our account: 65 calls bought at 100."""
        facts: dict[str, Any] = {
            "account": "A1",
            "source": "t",
            "status": status,
            "broker_id": broker_id,
            "filled_quantity": filled,
            "average_price": Decimal(100) if filled else None,
            "quantity": 65,
            "price": Decimal(100),
            "instrument": self.call,
            "side": Side.BUY,
            "product": Product.INTRADAY,
            "placed_at": self.now,
        }
        return OrderUpdate(**(facts | more))

    def update(self, update: OrderUpdate) -> None:
        self.tell(OrderUpdated(update))

    def show(
        self,
        account: str,
        *rows: OrderUpdate,
        held: Mapping[Instrument, int] | None = None,
        trades: Iterable[TradeRow] | None = (),
        asked_at: int | None = None,
        **more: Any,
    ) -> None:
        """Answer a reading of an account's books, asked for or not."""
        if account in self.reads:
            self.reads.remove(account)
        facts: dict[str, Any] = {
            "account": account,
            "source": "t-book",
            "asked_at": self.now if asked_at is None else asked_at,
            "orders": rows,
            "trades": None if trades is None else tuple(trades),
            "positions": tuple(
                PositionRow(instrument=i, product=Product.INTRADAY, quantity=q)
                for i, q in (held or {}).items()
            ),
        }
        self.tell(SnapshotMerged(Snapshot(**(facts | more))))

    # -- looking ---------------------------------------------------------------------------------

    def order(self, client_id: str) -> Order:
        return self.kernel.blotter.orders[client_id]

    def state_of(self, account: str = "A1") -> str:
        return self.kernel.view.trading_state("puppet", account)[0].name

    def group(self, name: str = "g") -> Any:
        return self.kernel.placement.newest("puppet", name)

    def alerts(self, level: str = "critical") -> list[str]:
        return [f"{line.subject}: {line.text}" for line in self.said if line.level == level]

    def strangers(self, account: str = "A1") -> dict[str, int]:
        """Return the units that are nobody's of ours, by symbol."""
        return {i.symbol: q for i, _, q in self.kernel.reconcile.foreign.held(account)}


BOOT = SessionBooted(
    session_id="s",
    trading_date=DAY.isoformat(),
    mode="live",
    recording="",
    recording_hash="",
    configuration_hash="",
    engine_version="t",
    engine_hash="",
    strategy_hashes={},
    rules_version="",
    is_synthetic=True,
)
