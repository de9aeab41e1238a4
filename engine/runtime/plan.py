"""The day's plan: what each strategy asks for in ``on_start``, without running anything else.

``engine check`` rehearses that one hook against the instruments of the recording, at its first
moment and before any price, which is just how the run starts it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from random import Random
from typing import Any, Never

from engine.author import GroupView
from engine.core.book import Book
from engine.core.chain import OptionChain, resolve_expiry
from engine.core.pricing import payoff_of
from engine.core.trading_time import TradingTime, outside_note
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.chain import ChainSpec
from engine.model.greeks import PortfolioGreeks
from engine.model.instrument import Instrument
from engine.model.legs import Leg
from engine.model.market import Bar, Depth, Interval, Tick
from engine.model.order import Order
from engine.model.payoff import Payoff
from engine.model.position import Position
from engine.rules.clock_time import IST, at_ns, ist_date, ist_datetime
from engine.rules.sessions import Sessions
from engine.runtime.loader import LoadedStrategy


@dataclass(slots=True)
class Plan:
    """What one strategy will do of its own accord, in its own words.

    ``watches`` are symbols and chains, ``bars`` symbol and interval, ``times`` the clock time in
    India and the hook, ``repeats`` the seconds and the hook. ``notes`` say what a rehearsal cannot
    follow, and times that are past when the recording begins or not reached when it ends.
    """

    watches: list[str] = field(default_factory=list)
    bars: list[tuple[str, str]] = field(default_factory=list)
    times: list[tuple[time, str]] = field(default_factory=list)
    repeats: list[tuple[float, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def rehearse(
    loaded: LoadedStrategy[Any, Any],
    catalogue: Catalogue,
    sessions: Sessions,
    first_ns: int,
    last_ns: int,
    seed: int,
) -> Plan:
    """Call ``on_start`` of one strategy on a recording from ``first_ns`` to ``last_ns``.

    Raises ``FileError`` when it names an instrument that is not recorded, or raises by itself.
    """
    plan = Plan()
    context = _Rehearsal(loaded.settings.strategy_id, plan, catalogue, sessions, first_ns, seed)
    strategy = loaded.strategy(loaded.params, loaded.state(), context)
    try:
        strategy.on_start()
    except _ActsAtOnceError as act:
        plan.notes.append(f"{act} in on_start: what follows there depends on the market")
    except FileError:
        raise
    except (Exception, SystemExit) as error:
        raise FileError(f"on_start raised {type(error).__name__}: {error}") from error
    plan.times.sort(key=lambda entry: entry[0])
    for when, hook in plan.times:
        if at_ns(ist_date(first_ns), when) > last_ns:
            plan.notes.append(f"{hook} at {when:%H:%M:%S}: the recording ends before")
    return plan


class _ActsAtOnceError(Exception):
    """The strategy trades in ``on_start``, which a rehearsal does not do."""


class _Rehearsal:
    """A ``StrategyContext`` that notes what is asked and does none of it."""

    def __init__(
        self,
        strategy_id: str,
        plan: Plan,
        catalogue: Catalogue,
        sessions: Sessions,
        now: int,
        seed: int,
    ) -> None:
        self._strategy_id = strategy_id
        self._plan = plan
        self._catalogue = catalogue
        self._sessions = sessions
        self._trading = TradingTime(catalogue, sessions, ist_date(now))
        self._book = Book(catalogue)
        self._now = now
        self._random = Random(f"{seed}/{strategy_id}")  # noqa: S311 - dice, no secrets

    @property
    def strategy_id(self) -> str:
        return self._strategy_id

    @property
    def now(self) -> datetime:
        return ist_datetime(self._now)

    @property
    def random(self) -> Random:
        return self._random

    @property
    def pnl_inr(self) -> float:
        return 0.0

    def find(self, words: str | Instrument) -> Instrument:
        return words if isinstance(words, Instrument) else self._catalogue.find(words)

    def future(self, underlying: str, nth: int) -> Instrument:
        return self._catalogue.future(underlying, nth)

    def watch(self, what: Any, *, depth: bool, history: str | None) -> None:
        details = f"{' with depth' if depth else ''}{f' and {history} before' if history else ''}"
        if isinstance(what, ChainSpec):
            expiry = self.chain(what.underlying, what.expiry).expiry
            text = f"{what.underlying} {expiry} chain, {what.strikes} strikes each side"
        else:
            text = self.find(what).symbol
        self._plan.watches.append(text + details)

    def bars(self, instrument: str | Instrument, interval: str) -> None:
        if interval not in set(Interval):
            known = ", ".join(Interval)
            raise FileError(f"no bars of {interval!r}; there are {known}")
        self._plan.bars.append((self.find(instrument).symbol, str(interval)))

    def at(self, when: time, hook: Callable[[], None], missed: str) -> None:
        if when.tzinfo not in (None, IST):
            raise FileError(f"self.at takes Indian clock times; {when} has another zone")
        clock = when.replace(tzinfo=None)
        if at_ns(ist_date(self._now), clock) <= self._now:
            becomes = "runs at once" if missed == "run" else "does not run"
            self._plan.notes.append(
                f"{_name(hook)} at {clock:%H:%M:%S}: past when the recording begins; it {becomes}"
            )
            return
        note = outside_note(self._trading.of_run(), at_ns(ist_date(self._now), clock))
        if note:
            self._plan.notes.append(f"{_name(hook)} at {clock:%H:%M:%S}: {note}")
        self._plan.times.append((clock, _name(hook)))

    def every(self, seconds: float, hook: Callable[[], None]) -> None:
        if not seconds > 0:
            raise FileError(f"self.every takes seconds above zero, not {seconds!r}")
        self._plan.repeats.append((seconds, _name(hook)))

    def enter(self, legs: Sequence[Leg], **options: Any) -> Never:
        name = options.get("name", "?")
        raise _ActsAtOnceError(f"enters {name} ({len(legs)} legs)")

    def exit(self, group: GroupView | str, reason: str) -> None:
        """No group exists before the start, so there is nothing to leave."""

    def modify(self, group: GroupView | str, limit: float | None, trigger: float | None) -> Never:
        raise _ActsAtOnceError(f"modifies {group} to {limit}, {trigger}")

    def cancel(self, group: GroupView | str) -> None:
        """No group exists before the start, so there is nothing to take back."""

    def background(self, work: Coroutine[Any, Any, Any], then: Callable[[Any], None]) -> None:
        work.close()
        self._plan.notes.append(f"starts work in the background; {_name(then)} gets its result")

    def last(self, instrument: str | Instrument) -> float | None:
        return self._book.last(self.find(instrument))

    def tick(self, instrument: str | Instrument) -> Tick | None:
        return self._book.ticks[self.find(instrument).index]

    def depth(self, instrument: str | Instrument) -> Depth | None:
        return self._book.depths[self.find(instrument).index]

    def history(self, instrument: str | Instrument, interval: str) -> Sequence[Bar]:
        self.find(instrument)
        Interval(interval)
        return []

    def position(self, instrument: str | Instrument) -> Position:
        return Position(instrument=self.find(instrument))

    def chain(self, underlying: str, expiry: str | date) -> OptionChain:
        found = resolve_expiry(self._catalogue, underlying, expiry, ist_date(self._now))
        return OptionChain(
            self._catalogue, self._book, self._sessions, underlying, found, self._now
        )

    def greeks(self) -> dict[str, PortfolioGreeks]:
        return {}

    def payoff(self, legs: Sequence[Leg]) -> Payoff | None:
        return payoff_of(legs, self._book)

    def group(self, name: str) -> GroupView | None:  # noqa: ARG002 - none exists before the start
        return None

    def groups(self) -> Sequence[GroupView]:
        return []

    def orders(self) -> Sequence[Order]:
        return []

    def say(self, level: str, text: str, fields: dict[str, Any]) -> None:
        """Log lines of a rehearsal are nobody's business."""


def _name(hook: Callable[..., None]) -> str:
    return getattr(hook, "__name__", "timer")
