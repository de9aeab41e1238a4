"""What a strategy may do and read: ``engine.author.StrategyContext`` over the kernel.

The one wide object an author reaches; its surface is DESIGN.md section 7 and nothing else.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.author import GroupView
from engine.core import pricing
from engine.core.chain import OptionChain, chain_for
from engine.core.failure import writable
from engine.core.group import Group
from engine.core.held_greeks import held_greeks
from engine.core.seat import Seat, require_plain
from engine.core.timers import NEVER
from engine.core.trading_time import Windows, next_trading, outside_note
from engine.errors import FileError, OffGrid
from engine.model.arithmetic import exactly
from engine.model.chain import ChainSpec
from engine.model.effect import RunBackground, Say
from engine.model.greeks import PortfolioGreeks
from engine.model.instrument import Instrument
from engine.model.legs import GroupPlan, Leg, Policy
from engine.model.market import Bar, Depth, Interval, Tick
from engine.model.order import Order
from engine.model.payoff import Payoff
from engine.model.position import Position
from engine.rules.clock_time import IST, at_ns, ist_date, ist_datetime, ns

if TYPE_CHECKING:
    from engine.core.kernel import Kernel


EVERY_MIN_S = 0.01
"""Nothing in this market repeats faster, and a period of zero would never let time move on."""
CHASE_EVERY_MIN_S = 0.1
"""Faster, and one order would take the account's whole message allowance."""
CHAIN_WAIT_S = 0.1
"""How often a watched chain is looked at while its underlying has no price."""
CHAIN_FOLLOW_S = 60.0
"""How often a watched chain is centred on the money again."""


class Context:
    """One strategy's hands and eyes. ``strategy_id`` is its id in the YAML."""

    def __init__(self, kernel: Kernel, seat: Seat) -> None:
        self._kernel = kernel
        self._desk = kernel.desk
        self._seat = seat
        self.strategy_id: Final = seat.strategy_id
        self._random = Random(f"{seat.config.seed}/{seat.strategy_id}")  # noqa: S311 - dice, no secrets

    @property
    def now(self) -> datetime:
        """The time of the event being handled, in Asia/Kolkata."""
        return ist_datetime(self._desk.now)

    @property
    def random(self) -> Random:
        """The strategy's own dice, seeded from the session."""
        return self._random

    @property
    def pnl_inr(self) -> float:
        """Realised plus unrealised of this strategy, before charges."""
        return self._kernel.view.day_pnl_inr(self.strategy_id)

    def find(self, words: str | Instrument) -> Instrument:
        """Return the instrument meant."""
        if isinstance(words, Instrument):
            return words
        return self._desk.catalogue.find(words)

    def future(self, underlying: str, nth: int) -> Instrument:
        """Return the nth nearest future."""
        return self._desk.catalogue.future(underlying, nth)

    # -- listening -------------------------------------------------------------------------------

    def watch(self, what: Any, *, depth: bool, history: str | None) -> None:
        """Ask for ticks (and depth) of an instrument or a chain."""
        self._require_hook()
        if isinstance(what, ChainSpec):
            self._watch_chain(what, depth=depth)
            return
        instrument = self.find(what)
        self._kernel.listening.watch(self._seat, (instrument,), depth=depth)
        if history is not None:
            self._kernel.load_history(self._seat, instrument, history)

    def bars(self, instrument: str | Instrument, interval: str) -> None:
        """Ask for bars; watches the instrument."""
        self._require_hook()
        found = self.find(instrument)
        self._kernel.listening.watch(self._seat, (found,), depth=False)
        self._kernel.listening.build_bars(self._seat, found, _interval(interval))

    def at(self, when: time, hook: Callable[[], None], missed: str) -> None:
        """Call ``hook`` at a time of day, today, in Indian time, whether anything trades or not."""
        self._count()
        if not isinstance(when, time):
            raise FileError(f"self.at takes a time of day such as time(9, 20), not {when!r}")
        if when.tzinfo not in (None, IST):
            raise FileError(f"self.at takes Indian clock times; {when} has another zone")
        if missed not in ("skip", "run"):
            raise FileError(f'self.at: missed is "skip" or "run", not {missed!r}')
        require_plain("self.at", hook)
        due = at_ns(ist_date(self._desk.now), when.replace(tzinfo=None))
        name = getattr(hook, "__name__", "timer")
        if due <= self._desk.now:
            run = missed == "run"
            self.say(
                "warning",
                f"{when:%H:%M:%S} was past when {name} was asked for; it "
                f"{'runs now' if run else 'does not run today'}",
                {},
            )
            if not run:
                return
        elif note := outside_note(self._desk.trading.of_run(), due):
            self.say("warning", f"{name} at {when:%H:%M:%S}: {note}", {})
        self._desk.timers.add(due, lambda: self._seat.call(name, hook))

    def every(self, seconds_between: float, hook: Callable[[], None]) -> None:
        """Call ``hook`` every so many seconds while anything the strategy hears of trades."""
        self._count()
        if not EVERY_MIN_S <= seconds_between < math.inf:
            raise FileError(
                f"self.every takes seconds, at least {EVERY_MIN_S:g}, not {seconds_between!r}"
            )
        require_plain("self.every", hook)
        step = ns(seconds_between)
        name = getattr(hook, "__name__", "timer")

        def wait() -> None:
            due = next_trading(self._heard(), self._desk.now + step)
            if due < NEVER:
                self._desk.timers.add(due, fire)

        def fire() -> None:
            wait()
            self._seat.call(name, hook)

        wait()

    # -- acting ----------------------------------------------------------------------------------

    @exactly
    def enter(self, legs: Sequence[Leg], **options: Any) -> Group:
        """Ask for a leg group."""
        self._count()
        name = options.pop("name", "")
        if not legs:
            raise OffGrid("a group needs at least one leg")
        for leg in legs:
            if not isinstance(leg, Leg):
                raise OffGrid(f"a leg is made with buy(...) or sell(...), not {leg!r}")
        if not isinstance(name, str) or not name or "." in name or not name.isprintable():
            raise OffGrid(f"a group's name is a word without dots, not {name!r}")
        open_one = self.group(name)
        if open_one is not None:
            raise OffGrid(
                f"{name!r} is still {open_one.state}; exit it, or enter under another name"
            )
        policy = _policy(legs, options)
        return self._kernel.enter(
            self._seat,
            GroupPlan(
                group_id=self._kernel.placement.next_id(self.strategy_id, name),
                name=name,
                strategy=self.strategy_id,
                product=self._seat.config.product,
                policy=policy,
                accounts=self._seat.config.accounts,
                legs=tuple(legs),
                created_at=self._desk.now,
                cause=self._desk.hook,
            ),
        )

    @exactly
    def exit(self, group: GroupView | str, reason: str) -> None:
        """Ask to leave a group."""
        self._count()
        found = self._group(group)
        if found is not None:
            self._kernel.placement.exit(found, reason or f"asked by {self._desk.hook}")

    @exactly
    def modify(self, group: GroupView | str, limit: float | None, trigger: float | None) -> None:
        """Ask for another price of a one-leg group's working order."""
        self._count()
        found = group if isinstance(group, Group) else None
        if isinstance(group, str):
            found = self._kernel.placement.newest(self.strategy_id, group)
        if found is None or found.strategy != self.strategy_id:
            raise OffGrid(f"{self.strategy_id} entered no group {group!r}")
        self._kernel.modify(found, limit, trigger)

    @exactly
    def cancel(self, group: GroupView | str) -> None:
        """Ask to take back what has not filled of a group."""
        self._count()
        found = self._group(group)
        if found is not None:
            self._kernel.placement.cancel(found, f"asked by {self._desk.hook}")

    def background(self, work: Coroutine[Any, Any, Any], then: Callable[[Any], None]) -> None:
        """Await ``work`` beside the kernel and call ``then`` with its result."""
        self._count()
        if not inspect.isawaitable(work):
            raise OffGrid(
                f"self.background takes a coroutine, such as self.fetch(...) of an async def, "
                f"not {work!r}"
            )
        require_plain("self.background", then)
        token = self._kernel.background.expect(self._seat, then)
        self._desk.emit(RunBackground(self.strategy_id, token, work))

    # -- reading ---------------------------------------------------------------------------------

    def last(self, instrument: str | Instrument) -> float | None:
        """Return the last price, None while unwatched or unseen."""
        return self._desk.book.last(self.find(instrument))

    def tick(self, instrument: str | Instrument) -> Tick | None:
        """Return the newest tick, None while unwatched or unseen."""
        return self._desk.book.ticks[self.find(instrument).index]

    def depth(self, instrument: str | Instrument) -> Depth | None:
        """Return the newest book, None without one."""
        return self._desk.book.depths[self.find(instrument).index]

    def history(self, instrument: str | Instrument, interval: str) -> Sequence[Bar]:
        """Return closed bars, oldest first."""
        return self._kernel.listening.bars_of(self.find(instrument), _interval(interval))

    def position(self, instrument: str | Instrument) -> Position:
        """Return what this strategy holds."""
        return self._desk.ledger.by_strategy(self.strategy_id, self.find(instrument))

    def chain(self, underlying: str, expiry: str | date) -> OptionChain:
        """Return an option chain as of now."""
        return chain_for(
            self._desk.catalogue,
            self._desk.book,
            self._kernel.sessions,
            ChainSpec(underlying, expiry, 0),
            self._desk.now,
        )

    def greeks(self) -> dict[str, PortfolioGreeks]:
        """Return the greeks of what this strategy holds, by underlying."""
        desk = self._desk
        held = desk.ledger.strategy_nets(self.strategy_id)
        return held_greeks(held, desk.catalogue, desk.book, self._kernel.sessions, desk.now)

    @exactly
    def payoff(self, legs: Sequence[Leg]) -> Payoff | None:
        """Return what legs would earn at expiry, None while one of them has no price."""
        return pricing.payoff_of(legs, self._desk.book)

    def group(self, name: str) -> Group | None:
        """Return the newest group of that name, None before the first or once it is done."""
        found = self._kernel.placement.newest(self.strategy_id, name)
        return None if found is None or found.is_done else found

    def groups(self) -> Sequence[Group]:
        """Return every group of this strategy that is not done, oldest first."""
        return self._kernel.placement.of_strategy(self.strategy_id)

    def orders(self) -> Sequence[Order]:
        """Return this strategy's orders that have not ended, oldest first."""
        return [o for o in self._kernel.blotter.live.values() if o.strategy == self.strategy_id]

    def say(self, level: str, text: str, fields: dict[str, Any]) -> None:
        """Write a log line."""
        plain = {
            name: value
            if isinstance(value, (int, float, bool, Decimal)) or value is None
            else writable(str(value))
            for name, value in fields.items()
        }
        self._desk.emit(Say(level, self.strategy_id, writable(text), self._desk.now, plain))

    # -- inside ----------------------------------------------------------------------------------

    def _heard(self) -> Windows:
        """Return when anything this strategy listens to trades; with nothing yet, anything."""
        heard = (*self._seat.watched, *self._seat.leg_watches)
        trading = self._desk.trading
        return trading.of(heard) if heard else trading.of_run()

    def _watch_chain(self, spec: ChainSpec, *, depth: bool) -> None:
        """Watch the strikes around the money as soon as there is one, and as it moves.

        A halted strategy gets no new ones, and goes on with them once it is armed again.
        """
        pause_s = CHAIN_FOLLOW_S
        if not self._seat.is_halted:
            options = chain_for(
                self._desk.catalogue, self._desk.book, self._kernel.sessions, spec, self._desk.now
            )
            self._kernel.listening.watch(self._seat, (options.reference,), depth=False)
            if options.spot is None:
                pause_s = CHAIN_WAIT_S
            else:
                self._kernel.listening.watch(self._seat, options.around(spec.strikes), depth=depth)
        self._desk.timers.add(
            self._desk.now + ns(pause_s), lambda: self._watch_chain(spec, depth=depth)
        )

    def _group(self, group: GroupView | str) -> Group | None:
        if isinstance(group, str):
            return self.group(group)
        if not isinstance(group, Group) or group.strategy != self.strategy_id:
            raise OffGrid(f"{group!r} is not a group of {self.strategy_id}")
        return group

    def _require_hook(self) -> None:
        """Refuse what background work asks for itself: no event would stand behind it."""
        if self._desk.is_waiting:
            raise OffGrid(
                "background work may not ask the engine for anything: return what was found, and "
                "ask in the hook given as then"
            )

    def _count(self) -> None:
        self._require_hook()
        if not self._seat.count_command():
            raise OffGrid(
                f"more than {self._seat.commands - 1} requests in one event: this is a loop"
            )


def _interval(interval: str) -> Interval:
    try:
        return Interval(interval)
    except ValueError:
        known = ", ".join(Interval)
        raise FileError(f"no bars of {interval!r}; there are {known}") from None


_USUAL: Final = Policy()
_WITHOUT_DEADLINE: Final = Policy(deadline_s=None)


def _policy(legs: Sequence[Leg], options: dict[str, Any]) -> Policy:
    """Make the group's policy. A group whose legs all name a price has no deadline of its own."""
    is_priced = all(leg.limit or leg.trigger for leg in legs)
    if not options:
        return _WITHOUT_DEADLINE if is_priced else _USUAL
    unknown = [key for key in options if key not in Policy.__struct_fields__]
    if unknown:
        known = ", ".join(Policy.__struct_fields__)
        raise OffGrid(f"a group has no option {unknown[0]!r}; there are {known}")
    if "deadline_s" not in options and is_priced:
        options["deadline_s"] = None
    for name, value in options.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise OffGrid(f"{name} must be a finite number, and is {value}")
        if isinstance(value, (int, float)) and value < 0:
            raise OffGrid(f"{name} must not be negative, and is {value}")
    try:
        policy = msgspec.convert(options, Policy)
    except msgspec.ValidationError as error:
        raise OffGrid(f"a group's options: {error}") from None
    if policy.chase_every_s < CHASE_EVERY_MIN_S:
        raise OffGrid(f"chase_every_s must be at least {CHASE_EVERY_MIN_S:g} s")
    return policy
