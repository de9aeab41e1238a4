"""What a strategy and the kernel see of each other, as Protocols.

The kernel calls ``Hooks``; a strategy reaches ``StrategyContext`` and what that returns, and
nothing else (DESIGN.md section 7).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from random import Random
from typing import Any, Final, Protocol, TypeVar

from engine.model.greeks import ChainGreeks, PortfolioGreeks
from engine.model.instrument import Instrument
from engine.model.legs import Leg
from engine.model.market import Bar, Depth, Tick
from engine.model.order import Order
from engine.model.payoff import Payoff
from engine.model.position import Position

H = TypeVar("H", bound=Callable[..., None])

_UNWRITTEN: Final[list[object]] = []


def unwritten(hook: H) -> H:
    """Note a function that a strategy has for a hook until its author overrides it."""
    _UNWRITTEN.append(hook)
    return hook


def is_unwritten(hook: Callable[..., None]) -> bool:
    """Return True for a hook that its author did not override: calling it does nothing."""
    return getattr(hook, "__func__", None) in _UNWRITTEN


class Hooks(Protocol):
    """What the kernel calls on a strategy (``engine.strategy.Strategy``)."""

    state: Any

    def on_start(self) -> None:
        """Run once, before the first event."""

    def on_tick(self, tick: Tick) -> None:
        """Run for every tick of a watched instrument."""

    def on_depth(self, depth: Depth) -> None:
        """Run for every book of an instrument watched with depth."""

    def on_bar(self, bar: Bar) -> None:
        """Run when a bar closes."""

    def on_order(self, order: Order) -> None:
        """Run when something became known of an order."""

    def on_legs(self, group: GroupView) -> None:
        """Run when a group changed state."""

    def on_recovered(self) -> None:
        """Run after a restart."""

    def on_stop(self) -> None:
        """Run once, when the session ends in order."""


class GroupView(Protocol):
    """What a strategy sees of a leg group (``engine.core.group.Group``)."""

    @property
    def group_id(self) -> str:
        """The id ``engine explain`` takes."""

    @property
    def name(self) -> str:
        """The author's own name for it."""

    @property
    def state(self) -> str:
        """The least settled state of its parts."""

    @property
    def why(self) -> str:
        """Why it is in that state: the refusal, the rejection, or the reason it was left for."""

    @property
    def is_held(self) -> bool:
        """Every leg is filled to its target, in every account where the group is not over."""

    @property
    def is_open(self) -> bool:
        """Something of it is held or working."""

    @property
    def is_done(self) -> bool:
        """Flat, and nothing more will be sent for it."""

    @property
    def entry_premium_inr(self) -> float:
        """Rupees received (positive) or paid (negative) for what was entered."""

    @property
    def pnl_inr(self) -> float:
        """Realised plus unrealised of this group, before charges."""

    @property
    def loss_pct(self) -> float:
        """How much of the entry premium has been lost, percent; negative when in profit."""

    @property
    def payoff(self) -> Payoff | None:
        """What it earns at expiry if held as it is, before charges; None before the first fill."""

    def quantity(self, instrument: Instrument) -> int:
        """Return the net units held of one instrument: positive long, negative short."""

    def average_price(self, instrument: Instrument) -> float | None:
        """Return the mean price at which it was entered, None before a fill."""


class Chain(Protocol):
    """The option chain of one underlying and expiry, as a strategy sees it."""

    @property
    def underlying(self) -> str:
        """What the options are on."""

    @property
    def expiry(self) -> date:
        """The expiry of these options."""

    @property
    def strikes(self) -> Sequence[Decimal]:
        """Every strike, lowest first."""

    @property
    def forward(self) -> float | None:
        """The price the options are worth against."""

    @property
    def spot(self) -> float | None:
        """The underlying's last price."""

    def at_the_money(self) -> tuple[Instrument, Instrument]:
        """Return (call, put) at the strike nearest the underlying."""

    def call(self, offset: int = 0) -> Instrument:
        """Return the call ``offset`` strikes from at the money (positive: higher strikes)."""

    def put(self, offset: int = 0) -> Instrument:
        """Return the put ``offset`` strikes from at the money (positive: higher strikes)."""

    def strike(self, strike: float | Decimal, right: str) -> Instrument:
        """Return the option at a strike."""

    def further(self, option: Instrument, strikes: int) -> Instrument:
        """Return the option ``strikes`` strikes further out of the money than ``option``."""

    def around(self, strikes: int) -> Sequence[Instrument]:
        """Return calls and puts of ``strikes`` strikes each side of at the money."""

    def by_delta(self, delta: float, right: str) -> Instrument:
        """Return the watched option whose delta is nearest ``delta`` (0.20 means 20-delta)."""

    def delta(self, option: Instrument) -> float | None:
        """Return the option's delta, None while it or the underlying has no price."""

    def implied_volatility(self, option: Instrument) -> float | None:
        """Return the annual volatility in the option's mid price, None where there is none."""

    @property
    def years(self) -> float:
        """Time to expiry in years of 365 days."""

    def greeks(self, rate: float = 0.0) -> ChainGreeks:
        """Return implied volatility and greeks of every option of the chain."""


class StrategyContext(Protocol):
    """What a strategy may do and read (``engine.core.context``); hooks reach nothing else."""

    @property
    def strategy_id(self) -> str:
        """Its id in the YAML."""

    @property
    def now(self) -> datetime:
        """The time of the event being handled, in Asia/Kolkata."""

    @property
    def random(self) -> Random:
        """The strategy's own dice, seeded from the session."""

    @property
    def pnl_inr(self) -> float:
        """Realised plus unrealised of this strategy, before charges."""

    def find(self, words: str | Instrument) -> Instrument:
        """Return the instrument meant."""

    def future(self, underlying: str, nth: int) -> Instrument:
        """Return the nth nearest future."""

    def watch(self, what: Any, *, depth: bool, history: str | None) -> None:
        """Ask for ticks (and depth) of an instrument or a chain."""

    def bars(self, instrument: str | Instrument, interval: str) -> None:
        """Ask for bars."""

    def at(self, when: time, hook: Callable[[], None], missed: str) -> None:
        """Call ``hook`` at a time of day."""

    def every(self, seconds: float, hook: Callable[[], None]) -> None:
        """Call ``hook`` every so many seconds."""

    def enter(self, legs: Sequence[Leg], **options: Any) -> GroupView:
        """Ask for a leg group."""

    def exit(self, group: GroupView | str, reason: str) -> None:
        """Ask to leave a group."""

    def modify(self, group: GroupView | str, limit: float | None, trigger: float | None) -> None:
        """Ask for another price of a one-leg group's working order."""

    def cancel(self, group: GroupView | str) -> None:
        """Ask to take back what has not filled of a group."""

    def background(self, work: Coroutine[Any, Any, Any], then: Callable[[Any], None]) -> None:
        """Await ``work`` beside the kernel and call ``then`` with its result."""

    def last(self, instrument: str | Instrument) -> float | None:
        """Return the last price, None while unwatched or unseen."""

    def tick(self, instrument: str | Instrument) -> Tick | None:
        """Return the newest tick, None while unwatched or unseen."""

    def depth(self, instrument: str | Instrument) -> Depth | None:
        """Return the newest book, None without one."""

    def history(self, instrument: str | Instrument, interval: str) -> Sequence[Bar]:
        """Return the bars of this session and, where loaded, before it, oldest first."""

    def position(self, instrument: str | Instrument) -> Position:
        """Return what this strategy holds."""

    def chain(self, underlying: str, expiry: str | date) -> Chain:
        """Return an option chain."""

    def greeks(self) -> Mapping[str, PortfolioGreeks]:
        """Return the greeks of what this strategy holds, by underlying."""

    def payoff(self, legs: Sequence[Leg]) -> Payoff | None:
        """Return what legs would earn at expiry, None while one of them has no price."""

    def group(self, name: str) -> GroupView | None:
        """Return the newest group of that name, None before the first or once it is done."""

    def groups(self) -> Sequence[GroupView]:
        """Every group of this strategy that is not done, oldest first."""

    def say(self, level: str, text: str, fields: dict[str, Any]) -> None:
        """Write a log line."""
