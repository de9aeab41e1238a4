"""The base class of every strategy.

Hooks are plain ``def`` and run to completion: between the first and the last line of a hook
nothing moves. Work that must wait goes to ``self.background``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date, datetime, time
from random import Random
from typing import Any, Generic, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, field_validator

from engine.author import Chain, GroupView, StrategyContext, unwritten
from engine.model.greeks import PortfolioGreeks
from engine.model.instrument import Instrument
from engine.model.legs import Leg, OnFailure, Sequencing
from engine.model.market import Bar, Depth, Tick
from engine.model.order import Order
from engine.model.payoff import Payoff
from engine.model.position import Position


class Params(BaseModel):
    """A strategy's parameters: subclass it, with defaults, bounds and units in the names.

    Unknown keys in the YAML are errors, as are NaN and infinity; instances do not change. A
    ``time`` is an Indian clock time and has no zone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _is_a_clock_time(cls, value: Any) -> Any:
        if isinstance(value, time) and value.tzinfo is not None:
            raise ValueError('must be an Indian clock time without a zone, such as "09:20"')
        return value


class State(msgspec.Struct):
    """What a strategy must not forget over a restart: a small struct of plain values.

    Subclass it with defaults and annotate ``state: MyState`` in the strategy. It is journaled
    whenever a hook has changed it.
    """


P = TypeVar("P", bound=Params)


class StrategyLog:
    """``self.log``: lines under the strategy's id, with the engine's time, on screen and kept."""

    def __init__(self, context: StrategyContext) -> None:
        self._context = context

    def info(self, text: str, **fields: Any) -> None:
        """Say something worth knowing."""
        self._context.say("info", text, fields)

    def warning(self, text: str, **fields: Any) -> None:
        """Say something that may need a look."""
        self._context.say("warning", text, fields)

    def error(self, text: str, **fields: Any) -> None:
        """Say something that is wrong."""
        self._context.say("error", text, fields)


class Strategy(Generic[P]):
    """Subclass it, name its parameters, override the hooks you need.

    The engine makes the instance; do not override ``__init__``.
    """

    params: P
    state: State

    def __init__(self, params: P, state: State, context: StrategyContext) -> None:
        self.params = params
        self.state = state
        self.log = StrategyLog(context)
        self._context = context

    # -- hooks -----------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Run once, before the first event: watch instruments, set times."""

    @unwritten
    def on_tick(self, tick: Tick) -> None:
        """Run for every tick of a watched instrument."""

    def on_depth(self, depth: Depth) -> None:
        """Run for every book of an instrument watched with ``depth=True``."""

    def on_bar(self, bar: Bar) -> None:
        """Run when a bar asked for with ``self.bars`` closes."""

    @unwritten
    def on_order(self, order: Order) -> None:
        """Run when something became known of one of this strategy's orders."""

    @unwritten
    def on_legs(self, group: GroupView) -> None:
        """Run when one of this strategy's groups changed state; read ``group.state``."""

    def on_recovered(self) -> None:
        """Run after a restart, before every hook but ``on_start``; state and groups are restored.

        Orders and timers that came meanwhile are told right after it.
        """

    def on_stop(self) -> None:
        """Run once, when the session ends in order."""

    # -- asking ----------------------------------------------------------------------------------

    def watch(
        self, what: str | Instrument | Any, *, depth: bool = False, history: str | None = None
    ) -> None:
        """Ask for ticks of an instrument, or of ``chain(underlying, expiry, strikes=10)``.

        ``depth`` adds books. ``history`` (``"5d"``) loads bars from before the session, where the
        feed has them. Raises ``FileError`` for an instrument nobody knows.
        """
        self._context.watch(what, depth=depth, history=history)

    def bars(self, instrument: str | Instrument, interval: str) -> None:
        """Ask for ``on_bar`` with ``"1s"`` ... ``"1d"`` bars; watches the instrument."""
        self._context.bars(instrument, interval)

    def at(
        self, when: time, hook: Callable[[], None], *, missed: Literal["skip", "run"] = "skip"
    ) -> None:
        """Call ``hook`` once today at ``when`` (IST), whether anything trades then or not.

        A time in a break or after the close is said to be one. A time already past is logged and
        skipped, unless ``missed="run"`` (for exits).
        """
        self._context.at(when, hook, missed)

    def every(self, seconds: float, hook: Callable[[], None]) -> None:
        """Call ``hook`` every ``seconds`` from now on, while anything trades that is watched.

        With nothing watched yet, anything of the run. In a break of the session it rests until
        trading opens again, runs then, and counts from there; after the last close it ends.
        """
        self._context.every(seconds, hook)

    def enter(
        self,
        *legs: Leg,
        name: str,
        on_failure: OnFailure | Literal["unwind", "retry", "hold"] = OnFailure.UNWIND,
        sequencing: Sequencing
        | Literal["hedge_first", "sequential", "parallel"] = Sequencing.HEDGE_FIRST,
        **policy: Any,
    ) -> GroupView:
        """Ask for a leg group under a name; ``policy`` takes the fields of ``Policy``.

        Legs need not be watched: they are, until the group is flat. The group waits for a price of
        every leg, then risk judges all legs together; ``on_legs`` tells what became of it.
        """
        return self._context.enter(
            legs, name=name, on_failure=on_failure, sequencing=sequencing, **policy
        )

    def exit(self, group: GroupView | str, reason: str = "") -> None:
        """Leave a group: cancel what works, close what is held, sold options first.

        A name without an open group is no error: an exit that has nothing to do is done.
        """
        self._context.exit(group, reason)

    def place(self, leg: Leg, *, name: str = "", **policy: Any) -> GroupView:
        """Place one order: a one-leg group. With ``limit=`` in the leg it rests as it is."""
        return self._context.enter(
            (leg,), name=name or leg.instrument.symbol.replace(".", ","), **policy
        )

    def modify(
        self, group: GroupView | str, *, limit: float | None = None, trigger: float | None = None
    ) -> None:
        """Change the price of a one-leg group's working order."""
        self._context.modify(group, limit, trigger)

    def cancel(self, group: GroupView | str) -> None:
        """Take back what has not filled of a group; what is held stays held."""
        self._context.cancel(group)

    def background(self, work: Coroutine[Any, Any, Any], then: Callable[[Any], None]) -> None:
        """Await ``work`` beside the engine, then call ``then`` with its result.

        The result must be something msgspec can write (numbers, text, lists, dicts, structs): it
        is journaled, so that a replay need not compute it again. If ``work`` raises, ``then`` is
        not called and the error is logged.
        """
        self._context.background(work, then)

    # -- reading ---------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The strategy's id in the YAML."""
        return self._context.strategy_id

    @property
    def now(self) -> datetime:
        """The time of what is being handled, in Asia/Kolkata. There is no other clock."""
        return self._context.now

    @property
    def random(self) -> Random:
        """The strategy's own dice, the same on every replay."""
        return self._context.random

    @property
    def pnl(self) -> float:
        """Realised plus unrealised of this strategy today, rupees, before charges."""
        return self._context.pnl_inr

    def instrument(self, words: str | Instrument) -> Instrument:
        """Return the instrument meant by a symbol or an underlying. Raises ``FileError``."""
        return self._context.find(words)

    def future(self, underlying: str, nth: int = 0) -> Instrument:
        """Return the nearest (0), next (1), ... future of an underlying."""
        return self._context.future(underlying, nth)

    def last(self, instrument: str | Instrument) -> float | None:
        """Return the last price in rupees; None while it is unwatched or has not traded."""
        return self._context.last(instrument)

    def tick(self, instrument: str | Instrument) -> Tick | None:
        """Return the newest tick; None while it is unwatched or has not traded."""
        return self._context.tick(instrument)

    def depth(self, instrument: str | Instrument) -> Depth | None:
        """Return the newest book of an instrument watched with ``depth=True``."""
        return self._context.depth(instrument)

    def history(self, instrument: str | Instrument, interval: str) -> Sequence[Bar]:
        """Return closed bars, oldest first; ask for them with ``self.bars`` first."""
        return self._context.history(instrument, interval)

    def position(self, instrument: str | Instrument) -> Position:
        """Return what this strategy holds of an instrument."""
        return self._context.position(instrument)

    def chain(self, underlying: str, expiry: str | date = "nearest") -> Chain:
        """Return a chain; ``expiry``: ``nearest``, ``weekly``, ``next``, ``monthly`` or a date."""
        return self._context.chain(underlying, expiry)

    def greeks(self) -> Mapping[str, PortfolioGreeks]:
        """Return delta, gamma, vega, theta and rho of what this strategy holds, by underlying.

        In rupees: a rupee of the underlying, a point of volatility, a calendar day, a point of
        interest. Empty when flat. A sum is None while a price is missing; ``missing`` says which.
        """
        return self._context.greeks()

    def payoff(self, *legs: Leg) -> Payoff | None:
        """Return what ``legs`` would earn at expiry if they were entered now, before charges.

        At their own limit, else where they would trade: a buy at the offer, a sale at the bid,
        without quotes at the last price. Lots count once, whatever the accounts' weights. None
        while a leg has no price: watch it first.
        """
        return self._context.payoff(legs)

    def group(self, name: str) -> GroupView | None:
        """Return the newest group of that name, None before the first and once it is done."""
        return self._context.group(name)

    def groups(self) -> Sequence[GroupView]:
        """Return this strategy's groups that are not done, oldest first."""
        return self._context.groups()
