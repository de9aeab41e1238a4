"""The kernel: every event goes in here, one at a time, and what is to be done comes out.

``handle`` is an ordinary synchronous function over state the kernel owns. It reads no clock, file
or socket; the same events in the same order give the same effects (DESIGN.md decision 1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.core.background import Background
from engine.core.blotter import Blotter
from engine.core.client_ids import ClientIds
from engine.core.context import Context
from engine.core.desk import Desk
from engine.core.failure import Failure, describe
from engine.core.group import Group
from engine.core.listening import Listening
from engine.core.loss_watch import LossWatch
from engine.core.placement import Placement
from engine.core.seat import Overrun, Seat, SeatConfig
from engine.core.view import KernelView
from engine.errors import FileError, InvariantBroken, OffGrid
from engine.model.catalogue import Catalogue
from engine.model.effect import Effect, LoadHistory
from engine.model.event import (
    BackgroundDone,
    Event,
    FeedHealthChanged,
    HealthState,
    HistoryLoaded,
    HookOverran,
    JournalDurable,
    KillMode,
    KillTripped,
    OrderUpdated,
    ReplyClassified,
    RunEnding,
    SendAborted,
    SendExpired,
    SendReleased,
    SendWritten,
    Started,
    TimerFired,
)
from engine.model.instrument import Instrument
from engine.model.legs import GroupPlan
from engine.model.market import Bar, Depth, Interval, Tick
from engine.model.order import Fill, Order
from engine.model.record import KillRecorded, SessionClosed, StrategyHalted
from engine.ports import Breach, KillSwitch, RiskGate
from engine.rules.clock_time import ns
from engine.rules.sessions import Sessions

NOTHING: tuple[Effect, ...] = ()
SETTLE_ROUNDS_MAX = 10_000
"""More rounds than this within one event can only be a loop of our own making."""


class KernelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a kernel is made with. Times are ns UTC; ``hook_budget_ms`` is wall time."""

    trading_date: date
    cadence_s: float = 0.0
    next_client_sequence: int = 1
    hook_budget_ms: float = 50.0
    price_wait_factor: float = 2.5


class Kernel:
    """Owns the market, the books, the orders, the groups and the strategies of one session."""

    def __init__(
        self,
        config: KernelConfig,
        catalogue: Catalogue,
        sessions: Sessions,
        gate: RiskGate,
        kill_switch: KillSwitch,
        *,
        frame_number: Callable[[], int | None] = lambda: None,
        stopwatch: Callable[[], int] = lambda: 0,
    ) -> None:
        self.config = config
        self.sessions = sessions
        self.desk = Desk(catalogue, frame_number)
        self._gate = gate
        self._kill_switch = kill_switch
        self._stopwatch = stopwatch
        orders: dict[str, Order] = {}
        live: dict[str, Order] = {}
        self.view = KernelView(self.desk, orders, live, kill_switch.state, config.cadence_s)
        self.blotter = Blotter(
            self.desk, gate, self.view, orders, live, self._order_changed, self._foreign
        )
        self.placement = Placement(
            self.desk,
            gate,
            self.view,
            self.blotter,
            ClientIds(config.trading_date, config.next_client_sequence),
            self._group_moved,
            self._stranded,
        )
        # Bound once: the way of a tick through ``handle`` touches nothing it does not need.
        self._ticks = self.desk.book.ticks
        self.seats: dict[str, Seat] = {}
        self.overruns: list[Overrun] = []
        self.feed_health: dict[str, HealthState] = {}
        self.durable_sequence = 0
        self.listening = Listening(
            self.desk, self.seats, lambda segment: sessions.continuous(segment, config.trading_date)
        )
        self._on_tick = self.listening.on_tick
        self._loss_watch = LossWatch(self.desk, gate, self.view, self._loss_limit_broken)
        self._notices: deque[Callable[[], None]] = deque()
        self.background = Background(self.desk)
        self._handlers: Mapping[type, Callable[[Any], None]] = {
            Depth: self._depth,
            Started: self._started,
            RunEnding: self._ending,
            TimerFired: self._timer,
            FeedHealthChanged: self._feed_health,
            JournalDurable: self._durable,
            SendReleased: lambda e: self.blotter.released(e.tickets),
            SendExpired: lambda e: self.blotter.expired(e.tickets),
            SendWritten: lambda e: self.blotter.written(e.kind, e.client_ids),
            SendAborted: lambda e: self.blotter.aborted(e.kind, e.client_ids, e.reason),
            ReplyClassified: self.blotter.replied,
            OrderUpdated: lambda e: self.blotter.updated(e.update),
            BackgroundDone: self.background.done,
            HistoryLoaded: self._history_loaded,
            HookOverran: self._hook_overran,
            KillTripped: self._kill,
        }

    # -- the one entrance ------------------------------------------------------------------------

    def handle(self, event: Event, now: int) -> Sequence[Effect]:
        """Take one event in at ``now`` (ns UTC) and return what is to be done, in order.

        Raises ``InvariantBroken`` when time runs backwards or an event has no handler, and
        ``FileError`` when a strategy cannot start on what it was given.
        """
        desk = self.desk
        desk.kseq += 1
        if now < desk.now:
            raise InvariantBroken(f"time ran backwards: {now} after {desk.now}")
        desk.now = now
        if event.__class__ is Tick:
            index = event.instrument.index
            self._ticks[index] = event
            for deliver in self._on_tick[index]:
                deliver(event)
            if now >= desk.look_at:
                self._look_around()
            if not desk.is_stirred:
                return NOTHING
        else:
            desk.hook = "engine"
            try:
                handler = self._handlers[event.__class__]
            except KeyError:
                raise InvariantBroken(f"no handler for {type(event).__name__}") from None
            handler(event)
        return self._finish()

    def next_timer(self) -> int:
        """Return when the next timer falls due, ns UTC."""
        return self.desk.timers.next_due

    # -- setting up ------------------------------------------------------------------------------

    def seat(self, config: SeatConfig) -> tuple[Seat, Context]:
        """Make room for a strategy; ``Seat.sit`` gives it one."""
        if config.strategy_id in self.seats:
            raise InvariantBroken(f"two strategies are called {config.strategy_id}")
        seat = Seat(
            self.desk,
            config,
            self._stopwatch,
            round(self.config.hook_budget_ms * 1e6),
            self._hook_failed,
            self.overruns.append,
        )
        self.seats[config.strategy_id] = seat
        return seat, Context(self, seat)

    def load_history(self, seat: Seat, instrument: Instrument, span: str) -> None:
        """Ask the shell for bars from before the session."""
        self.listening.watch(seat, (instrument,), depth=False)
        self.desk.emit(LoadHistory(instrument, span))

    # -- what strategies ask ---------------------------------------------------------------------

    def enter(self, seat: Seat, plan: GroupPlan) -> Group:
        """Take a group on and watch its legs."""
        self.listening.watch_legs(seat, (leg.instrument for leg in plan.legs))
        wait_s = max(
            plan.policy.price_wait_s, self.config.price_wait_factor * self.config.cadence_s
        )
        return self.placement.enter(plan, self.desk.now + ns(wait_s))

    def modify(self, group: Group, limit: float | None, trigger: float | None) -> None:
        """Ask for another price of a one-leg group's working order."""
        self.placement.modify(group, limit, trigger)

    # -- events ----------------------------------------------------------------------------------

    def _started(self, _: Started) -> None:
        for seat in self.seats.values():
            try:
                self.desk.hook = f"{seat.strategy_id}.on_start"
                seat.strategy.on_start()
            except (FileError, OffGrid) as error:
                raise FileError(f"strategy {seat.strategy_id}: {error}") from error
            except (Exception, SystemExit) as error:
                raise FileError(
                    f"strategy {seat.strategy_id}: on_start raised {describe(error).text}"
                ) from error
            finally:
                self.desk.hook = "engine"

    def _ending(self, event: RunEnding) -> None:
        for seat in self.seats.values():
            seat.call("on_stop", seat.strategy.on_stop)
        self._settle()
        desk = self.desk
        marks = {
            instrument.key: tick.last
            for instrument, _ in desk.ledger.nets(None)
            if (tick := desk.book.ticks[instrument.index]) is not None
        }
        desk.keep(
            SessionClosed(
                desk.now,
                desk.kseq,
                event.reason,
                marks,
                {name: desk.ledger.realised_inr(name) for name in self.seats},
                {name: desk.ledger.unrealised_inr(desk.book.ticks, name) for name in self.seats},
            )
        )

    def _timer(self, event: TimerFired) -> None:
        self.desk.timers.fire_due(event.due)

    def _depth(self, depth: Depth) -> None:
        self.desk.book.depths[depth.instrument.index] = depth
        self.listening.deliver_depth(depth)

    def _feed_health(self, event: FeedHealthChanged) -> None:
        self.feed_health[event.source] = event.state
        level = "info" if event.state is HealthState.FRESH else "critical"
        self.desk.alert(level, event.source, f"feed {event.state}: {event.why}")

    def _durable(self, event: JournalDurable) -> None:
        self.durable_sequence = max(self.durable_sequence, event.sequence)

    def _history_loaded(self, event: HistoryLoaded) -> None:
        instrument = self.desk.catalogue.by_key(event.instrument_key)
        by_interval: dict[Interval, list[Bar]] = {}
        for bar in event.bars:
            by_interval.setdefault(bar.interval, []).append(bar)
        for interval, bars in by_interval.items():
            self.listening.builder(instrument, interval).seed(bars)

    def _hook_overran(self, event: HookOverran) -> None:
        self._halt(
            self.seats[event.strategy],
            f"{event.hook} took {event.took_ms:.0f} ms, its budget is "
            f"{self.config.hook_budget_ms:g} ms",
        )

    def _kill(self, event: KillTripped) -> None:
        desk = self.desk
        self._kill_switch.trip(event)
        desk.keep(KillRecorded(desk.now, desk.kseq, event.scope, event.mode, event.who, event.why))
        desk.alert("critical", event.scope, f"KILLED by {event.who}: {event.why}")
        if event.mode is KillMode.BLOCK_NEW:
            return
        flattens = event.mode is KillMode.FLATTEN
        self.placement.kill(f"killed: {event.why}", scope=event.scope, flattens=flattens)

    # -- inside ----------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Do what waits for prices: groups not judged yet, and the loss limits."""
        self.desk.hook = "engine"
        if self.placement.drafts:
            self.placement.look_at_drafts()
        if self.desk.now >= self._loss_watch.next_at:
            self._loss_watch.look()
        self._note_next_look()

    def _note_next_look(self) -> None:
        self.desk.look_at = 0 if self.placement.drafts else self._loss_watch.next_at

    def _finish(self) -> Sequence[Effect]:
        """Settle what the event stirred up; never ``NOTHING`` itself, even with nothing to do."""
        desk = self.desk
        desk.hook = "engine"
        if self._notices or self.placement.dirty:
            self._settle()
        desk.is_stirred = False
        self._note_next_look()
        outbox, desk.outbox = desk.outbox, []
        return outbox

    def _tell(self, notice: Callable[[], None]) -> None:
        """Call ``notice`` once what is under way has been done: hooks never nest."""
        self._notices.append(notice)
        self.desk.is_stirred = True

    def _settle(self) -> None:
        """Work groups and tell strategies until nothing is left to do."""
        for _ in range(SETTLE_ROUNDS_MAX):
            if self.placement.settle():
                continue
            if not self._notices:
                return
            self._notices.popleft()()
        raise InvariantBroken("an event did not settle: groups and hooks keep answering each other")

    def _order_changed(self, order: Order, fill: Fill | None) -> None:
        self.placement.order_changed(order, fill)
        why = self._gate.note_order(order, self.view) if order.lifecycle.is_terminal else None
        seat = self.seats[order.strategy]
        if why is not None and not seat.is_halted:
            self._tell(lambda: self._halt(seat, why))
        self._tell(lambda: seat.call("on_order", seat.strategy.on_order, order))
        if fill is not None:
            self._loss_watch.wake()

    def _group_moved(self, group: Group) -> None:
        seat = self.seats[group.strategy]
        self._tell(lambda: self._tell_of(seat, group))
        legs = [leg.instrument for leg in group.plan.legs]
        if group.is_done and not group.is_forgotten:
            group.is_forgotten = True
            self._tell(lambda: self.listening.leave_legs(seat, legs))
        elif group.is_forgotten and not group.is_done:
            # A late fill opened it again: it needs prices to get flat.
            group.is_forgotten = False
            self._tell(lambda: self.listening.watch_legs(seat, legs))

    def _tell_of(self, seat: Seat, group: Group) -> None:
        """Call ``on_legs`` once for each state the group is seen in, not for each part's move."""
        if group.state is not group.told:
            group.told = group.state
            seat.call("on_legs", seat.strategy.on_legs, group)

    def _stranded(self, group: Group, why: str) -> None:
        event = KillTripped("all", KillMode.CANCEL_ALL, "engine", f"{group.group_id}: {why}")
        self._tell(lambda: self._kill(event))

    def _foreign(self, why: str) -> None:
        """Somebody else trades the account, or our tags are not unique: nothing new goes out."""
        event = KillTripped("all", KillMode.BLOCK_NEW, "engine", why)
        self._tell(lambda: self._kill(event))

    def _loss_limit_broken(self, breach: Breach) -> None:
        """Let only exits through, and leave the groups of those who are configured so."""
        scope = breach.strategy or "all"
        self._kill_switch.reduce_only(scope, breach.text)
        self.desk.alert("critical", scope, f"loss limit broken: {breach.text}")
        for group in list(self.placement.groups.values()):
            hit = breach.strategy is None or breach.strategy == group.strategy
            if hit and self.seats[group.strategy].config.exits_on_max_loss:
                self.placement.exit(group, breach.text)

    def _hook_failed(self, seat: Seat, hook: str, failure: Failure) -> None:
        self._halt(seat, f"{hook} raised {failure.text}", failure.trace)

    def _halt(self, seat: Seat, why: str, trace: str = "") -> None:
        """Stop a strategy; its groups get the exit its configuration names."""
        if seat.is_halted:
            return
        desk = self.desk
        seat.is_halted = True
        seat.halted_why = why
        self.listening.mute(seat)
        self._kill_switch.halt(seat.strategy_id, why)
        desk.keep(StrategyHalted(desk.now, desk.kseq, seat.strategy_id, why, trace))
        exits = seat.config.exits_on_error
        desk.alert(
            "critical",
            seat.strategy_id,
            f"halted: {why}; its groups are {'left' if exits else 'kept, as configured'}",
        )
        for group in self.placement.of_strategy(seat.strategy_id):
            if exits:
                self.placement.exit(group, f"its strategy was halted: {why}")
            else:
                self.placement.cancel(group, why)
