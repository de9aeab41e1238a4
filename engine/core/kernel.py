"""The kernel: every event goes in here, one at a time, and what is to be done comes out.

``handle`` is an ordinary synchronous function over state the kernel owns. It reads no clock, file
or socket; the same events in the same order give the same effects (DESIGN.md decision 1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.core.background import Background
from engine.core.blotter import Blotter
from engine.core.client_ids import ClientIds
from engine.core.context import Context
from engine.core.desk import Desk
from engine.core.failure import describe
from engine.core.feed_health import FeedHealth
from engine.core.group import Group
from engine.core.halting import Halting
from engine.core.kernel_config import KernelConfig
from engine.core.ledger import Mark, mark
from engine.core.listening import Listening
from engine.core.placement import Placement
from engine.core.reconcile import Reconcile
from engine.core.recovery import Recovery
from engine.core.seat import Guard, Overrun, Seat, SeatConfig, guard
from engine.core.trading_time import TradingTime
from engine.core.view import KernelView
from engine.errors import FileError, InvariantBroken, OffGrid
from engine.model.arithmetic import fresh_arithmetic
from engine.model.catalogue import Catalogue
from engine.model.effect import Effect, LoadHistory
from engine.model.event import (
    Armed,
    BackgroundDone,
    Event,
    FeedHealthChanged,
    HistoryLoaded,
    HookOverran,
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
from engine.model.market import Depth, Tick
from engine.model.order import Fill, Order
from engine.model.order_update import OrderUpdate
from engine.model.record import SessionClosed
from engine.ports import KillSwitch, RiskGate, TradingState
from engine.rules.clock_time import ns
from engine.rules.sessions import Sessions

NOTHING: tuple[Effect, ...] = ()
SETTLE_ROUNDS_MAX = 10_000
"""More rounds than this within one event can only be a loop of our own making."""


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
        mark: Mark = mark,
        guard: Guard = guard,
    ) -> None:
        self.config = config
        self.sessions = sessions
        trading = TradingTime(catalogue, sessions, config.trading_date)
        self.desk = Desk(catalogue, trading, frame_number, mark)
        self._kill_switch = kill_switch
        self._stopwatch = stopwatch
        self._guard = guard
        orders: dict[str, Order] = {}
        live: dict[str, Order] = {}
        self.view = KernelView(self.desk, orders, live, self._trading_state, config.cadence_s)
        self.blotter = Blotter(
            self.desk,
            gate,
            self.view,
            orders,
            live,
            self._order_changed,
            self._foreign,
            self._unclaimed,
            config.untagged_accounts,
            config.max_legs,
        )
        self.reconcile = Reconcile(
            self.desk,
            self.blotter,
            config.booked_accounts,
            config.untagged_accounts,
            self._foreign,
            self._settled,
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
        self.listening = Listening(self.desk, self.seats)
        self._on_tick = self.listening.on_tick
        self.halting = Halting(
            self.desk,
            gate,
            self.view,
            kill_switch,
            self.placement,
            self.listening,
            self.seats,
            self._tell,
            config.hook_budget_ms,
            config.booked_accounts,
        )
        self.recovery = Recovery(
            self.desk,
            self.blotter,
            self.placement,
            self.seats,
            self.listening.reroute,
            self._tell,
            self._tell_of,
        )
        self._loss_watch = self.halting.loss_watch
        self._notices: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._is_ending = False
        self.background = Background(self.desk)
        self.feed_health = FeedHealth(self.desk, self.placement.groups)
        self._handlers: Mapping[type, Callable[[Any], None]] = {
            Depth: self._depth,
            Started: self._started,
            RunEnding: self._ending,
            TimerFired: lambda e: self.desk.timers.fire_due(e.due),
            FeedHealthChanged: self.feed_health.changed,
            SendReleased: self.blotter.released,
            SendExpired: lambda e: self.blotter.expired(e.tickets),
            SendWritten: self.blotter.written,
            SendAborted: self.blotter.aborted,
            ReplyClassified: self.blotter.replied,
            OrderUpdated: lambda e: self.blotter.updated(e.update),
            BackgroundDone: self.background.done,
            HistoryLoaded: self._history_loaded,
            HookOverran: self.halting.overran,
            KillTripped: self.halting.kill,
            Armed: self.halting.arm,
            **self.reconcile.handlers,
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
            return self.conclude(now)
        desk.hook = "engine"
        fresh_arithmetic()
        try:
            handler = self._handlers[event.__class__]
        except KeyError:
            raise InvariantBroken(f"no handler for {type(event).__name__}") from None
        handler(event)
        return self._finish()

    def conclude(self, now: int) -> Sequence[Effect]:
        """Finish a tick whose hooks have run: the second half of ``handle``."""
        desk = self.desk
        if not desk.is_stirred and (now < desk.look_at or self._loss_watch.is_quiet()):
            return NOTHING
        fresh_arithmetic()
        if now >= desk.look_at:
            self._look_around()
        return self._finish() if desk.is_stirred else NOTHING

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
            self.halting.hook_failed,
            self.overruns.append,
            self._guard,
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
                fresh_arithmetic()
        self.recovery.start(self.reconcile.books)
        self._loss_watch.wake()  # What a journal was taken up with is held already.

    def _ending(self, event: RunEnding) -> None:
        self._is_ending = True
        for seat in self.seats.values():
            seat.call("on_stop", seat.strategy.on_stop)
        self._settle()
        # What is asked for at the end is not judged any more.
        self.placement.drafts.clear()
        desk = self.desk
        desk.keep(
            SessionClosed(
                desk.now,
                desk.kseq,
                event.reason,
                desk.marks(),
                {name: desk.ledger.realised_inr(name) for name in self.seats},
                {name: desk.ledger.unrealised_inr(desk.book.ticks, name) for name in self.seats},
            )
        )

    def _depth(self, depth: Depth) -> None:
        self.desk.book.depths[depth.instrument.index] = depth
        self.listening.deliver_depth(depth)

    def _history_loaded(self, event: HistoryLoaded) -> None:
        self.listening.seed_bars(self.desk.catalogue.by_key(event.instrument_key), event.bars)

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
        placement = self.placement
        if placement.drafts:
            # A group whose legs all have a price goes on in the event that asked for it.
            placement.look_at_drafts()
        if self._notices or placement.dirty:
            self._settle()
        desk.is_stirred = False
        self._note_next_look()
        outbox, desk.outbox = desk.outbox, []
        return outbox

    def _tell(self, notice: Callable[..., None], *args: Any) -> None:
        """Call ``notice`` once what is under way has been done: hooks never nest."""
        self._notices.append((notice, args))
        self.desk.is_stirred = True

    def _settle(self) -> None:
        """Work groups and tell strategies until nothing is left to do."""
        placement, notices = self.placement, self._notices
        for _ in range(SETTLE_ROUNDS_MAX):
            if placement.dirty and placement.settle():
                continue
            if notices:
                notice, args = notices.popleft()
                notice(*args)
                continue
            waiting = len(placement.drafts)
            if not waiting or self._is_ending:
                return
            placement.look_at_drafts()
            if waiting == len(placement.drafts):
                return
        raise InvariantBroken("an event did not settle: groups and hooks keep answering each other")

    # These parts are told of before the ones that answer are made.
    def _foreign(self, why: str) -> None:
        self.halting.foreign(why)

    def _stranded(self, group: Group, why: str, scope: str) -> None:
        self.halting.stranded(group, why, scope)

    def _unclaimed(self, update: OrderUpdate) -> None:
        self.reconcile.unclaimed(update)

    def _settled(self) -> None:
        self.recovery.settled(self.reconcile.books)

    def _trading_state(self, strategy: str, account: str) -> tuple[TradingState, str]:
        """Return the more restrictive of what the kill switch and the account's books allow."""
        switch = self._kill_switch.state(strategy, account)
        books = self.reconcile.books.standing(account)
        return books if books[0] > switch[0] else switch

    def _order_changed(self, order: Order, before: Order, fill: Fill | None) -> None:
        why = self.halting.why_halt(order, before)
        seat = self.seats[order.request.strategy]
        if why is not None and not seat.is_halted:
            self._tell(self.halting.halt, seat, why)
        if seat.has_written("on_order"):
            self._tell(seat.call, "on_order", seat.strategy.on_order, order)
        # Behind on_order: a late fill opens a group again, and its on_legs is told after the fill.
        self.placement.order_changed(order, before, fill)
        # Last: what was held for its id may change the order again, and is told after this.
        self.reconcile.order_changed(order, before)
        if fill is not None:
            self._loss_watch.wake()

    def _group_moved(self, group: Group) -> None:
        seat = self.seats[group.strategy]
        if seat.has_written("on_legs"):
            self._tell(self._tell_of, seat, group)
        if group.is_done is group.is_forgotten:
            return
        # Done, it needs no prices; opened again by a late fill, it needs them to get flat.
        group.is_forgotten = group.is_done
        follow = self.listening.leave_legs if group.is_done else self.listening.watch_legs
        self._tell(follow, seat, [leg.instrument for leg in group.plan.legs])

    def _tell_of(self, seat: Seat, group: Group) -> None:
        """Call ``on_legs`` once for each state that is seen: by one that recovers, at the end."""
        if group.state is not group.told and not seat.is_recovering:
            group.told = group.state
            seat.call("on_legs", seat.strategy.on_legs, group)
