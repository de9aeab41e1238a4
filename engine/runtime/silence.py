"""When the silence of a feed is a fault, and when it is the market's own.

The rule (docs/market-hours.md): a feed that said nothing for its limit is STALE, counted only while
something it carries trades. Outside of sessions, in the break of a recovery test and in a
market-wide halt prices stop by themselves. A halt is known from the calendar file, or by the last
index value before the silence: at 10, 15 or 20 % from its previous close the exchanges stop for as
long as ``engine.rules.circuit_breaker`` says, and only after that does silence count again. Any
frame, a heartbeat too, breaks a silence.

Nothing is sent on an old price for it: entries need a fresh one (rule C11), and in a declared break
no order passes at all (C3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Protocol

from engine.core.timers import NEVER
from engine.core.trading_time import TradingTime, Windows
from engine.model.catalogue import Catalogue
from engine.model.instrument import Kind
from engine.model.market import Tick
from engine.rules.circuit_breaker import INDICES, halt_at
from engine.rules.clock_time import NS_PER_S, clock_text, midnight_ns
from engine.rules.holidays import EQUITY_SEGMENTS

STALE_AFTER_S: Final = 10.0
"""A whole feed that is silent for longer while something trades is STALE (reliability.md 5)."""


class SilenceRule(Protocol):
    """Judges a feed's silence since the frame at ``last_at``."""

    def earliest(self, last_at: int) -> int:
        """Return the first moment at which it may be a fault, ns."""

    def due(self, last_at: int) -> int:
        """Return when it is one, halts of the market considered, ns."""

    def halt_to_tell(self, at: int, last_at: int) -> str:
        """Return, once for each halt, what stopped the market; "" where nothing new did."""


class Silence:
    """Judges silences of one feed on one day. ``ticks`` are the newest by instrument, kept anew.

    Times are ns UTC. Raises ``FileError`` where the hours of an instrument are not known.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        trading: TradingTime,
        ticks: Sequence[Tick | None],
        day: date,
        stale_after_s: float,
    ) -> None:
        self._ticks = ticks
        self._day = day
        self._stale_ns = round(stale_after_s * NS_PER_S)
        self._told_until = 0
        is_equity = {i: i.segment in EQUITY_SEGMENTS for i in catalogue}
        self._equity = trading.of(i for i in catalogue if is_equity[i])
        self._others = trading.of(i for i in catalogue if not is_equity[i])
        self._indices = [
            i.index for i in catalogue if i.kind is Kind.INDEX and i.underlying in INDICES
        ]

    def earliest(self, last_at: int) -> int:
        """Return the first moment at which silence since ``last_at`` may be a fault, else NEVER.

        Halts are not looked at, so that a runner can compare every frame with it. Before the first
        frame (0) it is 0: that the feed is alive is said with that frame.
        """
        if not last_at:
            return 0
        return min(self._due(self._equity, last_at), self._due(self._others, last_at))

    def due(self, last_at: int) -> int:
        """Return when silence since ``last_at`` is a fault, halts considered, else NEVER."""
        _, until = self.halt(last_at)
        return min(self._due(self._equity, max(last_at, until)), self._due(self._others, last_at))

    def halt(self, last_at: int) -> tuple[str, int]:
        """Return what stopped the market when the feed went silent, and until when, ns.

        Nothing and 0 where nothing did. The rest of a day is until NEVER.
        """
        if not any(opens <= last_at < closes for opens, closes in self._equity):
            return "", 0
        for index in self._indices:
            tick = self._ticks[index]
            if tick is None or not tick.previous_close:
                continue
            second = (tick.received_at - midnight_ns(self._day)) // NS_PER_S
            found = halt_at(tick.last, tick.previous_close, second, self._day)
            if found is None:
                continue
            moved = (tick.last / tick.previous_close - 1) * 100
            name = f"market-wide halt, {tick.instrument.symbol} {moved:+.1f} %"
            if found.lasts_s is None:
                return f"{name}: no more trading today", NEVER
            until = tick.received_at + found.lasts_s * NS_PER_S
            if until > last_at:
                return f"{name}: trading again about {clock_text(until, 0)}", until
        return "", 0

    def halt_to_tell(self, at: int, last_at: int) -> str:
        """Return, once for each halt, what explains a silence that lasts at ``at``, else ""."""
        if at <= self.earliest(last_at):
            return ""
        text, until = self.halt(last_at)
        if until == self._told_until:
            return ""
        self._told_until = until
        return text

    def _due(self, windows: Windows, since: int) -> int:
        for opens, closes in windows:
            at = max(since, opens) + self._stale_ns
            if at < closes:
                return at
        return NEVER
