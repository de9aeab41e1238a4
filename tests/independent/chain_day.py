"""The real chain's day, worked out from the documents alone: no line of the engine takes part.

Prices are paise, exact. Where a rule comes from:

* fills without a book, latencies: docs/paper-exchange.md, "Frames without a book", and issue 3;
* what is known when: DESIGN.md section 2 (a timer is before the frames of its moment) and
  docs/decisions/0013 (a leg nobody watched has no price before its next frame);
* entering and leaving legs, the chase: docs/writing-a-strategy.md, the table of policies;
* the forward and the deltas: docs/options.md;
* lots and ticks: market_rules.md section 2.

What the rules do not decide without looking at more than a chain of snapshots raises ``Unforeseen``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import pandas as pd

LOT: Final = 65
TICK: Final = 5
EXPIRY: Final = "25-Aug-2026"
CADENCE_S: Final = 60.0
LATENCY_S: Final = 0.040
FORWARD_STRIKES: Final = 7
ENTRY_SLIPPAGE_PCT: Final = 2
ENTRY_SLIPPAGE_TICKS: Final = 10
BUY: Final = 1
SELL: Final = -1
_MINUTES_PER_YEAR: Final = 365 * 24 * 60
_EXPIRES: Final = 6 * 24 * 60 + 15 * 60 + 40
"""Minutes from the midnight of 19 August to 15:40 of the 25th, the last trade of the contract."""


class Unforeseen(Exception):
    """The day went a way for which these rules are not written out."""


class Contract(NamedTuple):
    """An option of the nearest expiry. Frames of a minute come in this order, the index last."""

    strike: int
    right: str

    @property
    def symbol(self) -> str:
        """The name a person reads."""
        return f"NIFTY 25AUG26 {self.strike} {self.right}"


class Moment(NamedTuple):
    """A minute of the day, and the contract whose frame of that minute was the newest seen."""

    minute: int
    seen: Contract


BEFORE: Final = Contract(-1, "")
AFTER: Final = Contract(10**9, "")


class Fill(NamedTuple):
    """One order, filled whole, ``paise`` a unit. ``minute`` is when it was sent."""

    minute: int
    contract: Contract
    side: int
    paise: int
    is_exit: bool


def minute_of(clock: str) -> int:
    """Return the minute of the day: 690 for 11:30."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


class ChainDay:
    """What printed in each minute. Rows older than the row before them are not heard."""

    def __init__(self, parquet: Path) -> None:
        frame = pd.read_parquet(parquet)
        frame["minute"] = [
            (at := datetime.strptime(text, "%Y%m%d%H%M")).hour * 60 + at.minute  # noqa: DTZ007
            for text in frame.timestamp
        ]
        self.spot: dict[int, int] = {
            minute: _paise(round(value, 2))
            for minute, value in frame.groupby("minute").spot.first().items()
        }
        rows = frame[frame.expiry == EXPIRY].sort_values("minute", kind="stable")
        newest = rows.groupby(["strike", "option_type"]).volume.cummax()
        rows = rows[rows.volume >= newest]
        self.prints: dict[Contract, dict[int, int]] = {}
        for row in rows.itertuples():
            paise = _paise(row.ltp)
            if paise % TICK:
                raise Unforeseen(f"{row} is off the grid")
            self.prints.setdefault(Contract(int(row.strike), row.option_type), {})[row.minute] = (
                paise
            )
        self.strikes = sorted({contract.strike for contract in self.prints})

    def known(self, contract: Contract, moment: Moment) -> int | None:
        """Return the newest print of a watched contract, None before its first."""
        newest = moment.minute if contract <= moment.seen else moment.minute - 1
        seen = [minute for minute in self.prints.get(contract, {}) if minute <= newest]
        return self.prints[contract][max(seen)] if seen else None

    def spot_at(self, moment: Moment) -> int:
        """Return the index in paise; its frame is the last of a minute."""
        return self.spot[moment.minute if moment.seen == AFTER else moment.minute - 1]

    def at_the_money(self, moment: Moment) -> int:
        """Return the strike nearest the index."""
        spot = self.spot_at(moment)
        return min(self.strikes, key=lambda strike: abs(strike * 100 - spot))

    def deciding_print(self, contract: Contract, minute: int) -> int:
        """Return the print an order meets that was sent at the full minute, or within seconds of it.

        The last print, when it is no older than the recording's cadence on arrival: one of this
        minute is. One of the minute before is too old by the latency; a later one would decide.
        """
        newest = max(at for at in self.prints[contract] if at <= minute)
        age_s = (minute - newest) * 60 + LATENCY_S
        if age_s > CADENCE_S:
            raise Unforeseen(f"{contract.symbol}: the last print at minute {minute} is too old")
        return self.prints[contract][newest]

    # -- orders ----------------------------------------------------------------------------------

    def entered(
        self, contract: Contract, side: int, moment: Moment, decided: Moment | None = None
    ) -> Fill:
        """Return the fill of a leg that is sent at a moment, as a limit at the last price known.

        Where that reaches the deciding print it fills a tick worse than the print, no worse than
        the limit. Where not, it is re-priced to the print after 5 s, and fills there, if that is
        not too far from the price known when its group was ``decided``.
        """
        limit = self.known(contract, moment)
        decision = self.known(contract, decided or moment)
        if limit is None or decision is None:
            raise Unforeseen(f"{contract.symbol} has no price when it is sent")
        met = self.deciding_print(contract, moment.minute)
        most = max(decision * ENTRY_SLIPPAGE_PCT / 100, ENTRY_SLIPPAGE_TICKS * TICK)
        if side * (met - decision) > most:
            raise Unforeseen(f"{contract.symbol} went from {decision} to {met}, beyond the chase")
        paise = met
        if side * (limit - met) >= 0:
            paise = side * min(side * (met + side * TICK), side * limit)
        return Fill(moment.minute, contract, side, paise, is_exit=False)

    def left(self, contract: Contract, side: int, moment: Moment) -> Fill:
        """Return the fill of an exit: a limit a tick beyond the last price known.

        Where that does not reach the deciding print it is chased within two seconds, to two ticks
        beyond it. Either way it fills a tick worse than the print, no worse than the limit.
        """
        last = self.known(contract, moment)
        if last is None:
            raise Unforeseen(f"{contract.symbol} has no price when it is left")
        met = self.deciding_print(contract, moment.minute)
        limit = last + side * TICK
        if side * (limit - met) < 0:
            limit = met + side * 2 * TICK
        paise = side * min(side * (met + side * TICK), side * limit)
        return Fill(moment.minute, contract, side, paise, is_exit=True)

    # -- what ends a group -----------------------------------------------------------------------

    def frames(self, heard: Iterable[Contract], start: int, end: int) -> Iterator[Moment]:
        """Yield the moment of each frame of these contracts, and of the index, in their order.

        From minute ``start`` to ``end``, the latter left out.
        """
        order = sorted(heard)
        for minute in range(start, end):
            for contract in order:
                if minute in self.prints[contract]:
                    yield Moment(minute, contract)
            yield Moment(minute, AFTER)

    def loss(self, fills: Sequence[Fill], moment: Moment) -> int:
        """Return paise lost, a unit of each leg, marked at the last prices known."""
        lost = 0
        for fill in fills:
            mark = self.known(fill.contract, moment)
            if mark is None:
                raise Unforeseen(f"{fill.contract.symbol} has no mark")
            lost += fill.side * (fill.paise - mark)
        return lost

    # -- deltas ----------------------------------------------------------------------------------

    def forward(self, moment: Moment) -> float:
        """Return the chain's own forward, rupees: the median of the seven strikes nearest it."""
        named = {}
        for strike in self.strikes:
            call = self.known(Contract(strike, "CE"), moment)
            put = self.known(Contract(strike, "PE"), moment)
            if call is not None and put is not None:
                named[strike] = strike + (call - put) / 100
        found = self.spot_at(moment) / 100
        for _ in range(4):
            nearest = sorted(named, key=lambda strike: (abs(strike - found), strike))
            found = median(named[strike] for strike in nearest[:FORWARD_STRIKES])
        return found

    def delta(self, contract: Contract, moment: Moment) -> float | None:
        """Return the size of its Black-76 delta, at the volatility of its own last price."""
        price = self.known(contract, moment)
        if price is None:
            return None
        forward, years = self.forward(moment), (_EXPIRES - moment.minute) / _MINUTES_PER_YEAR
        way = 1 if contract.right == "CE" else -1
        low, high = 1e-4, 5.0
        if not _premium(way, forward, contract.strike, low, years) < price / 100:
            return None
        for _ in range(100):
            middle = (low + high) / 2
            if _premium(way, forward, contract.strike, middle, years) < price / 100:
                low = middle
            else:
                high = middle
        return _normal(way * _d1(forward, contract.strike, low, years))

    def by_delta(self, wanted: float, right: str, moment: Moment) -> Contract:
        """Return the option whose delta is nearest."""
        near = [s for s in self.strikes if abs(s * 100 - self.spot_at(moment)) <= 60_000]
        contracts = [Contract(strike, right) for strike in near]
        deltas = {c: delta for c in contracts if (delta := self.delta(c, moment)) is not None}
        return min(deltas, key=lambda contract: abs(deltas[contract] - wanted))

    def further(self, contract: Contract, strikes: int) -> Contract:
        """Return the option so many strikes further out of the money."""
        way = 1 if contract.right == "CE" else -1
        place = self.strikes.index(contract.strike) + way * strikes
        return Contract(self.strikes[place], contract.right)


def _paise(rupees: float) -> int:
    exact = Decimal(repr(float(rupees))) * 100
    if exact != int(exact):
        raise Unforeseen(f"{rupees} rupees are no whole paise")
    return int(exact)


def _normal(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _d1(forward: float, strike: float, vol: float, years: float) -> float:
    width = vol * math.sqrt(years)
    return math.log(forward / strike) / width + width / 2


def _premium(way: int, forward: float, strike: float, vol: float, years: float) -> float:
    d1 = _d1(forward, strike, vol, years)
    d2 = d1 - vol * math.sqrt(years)
    return way * (forward * _normal(way * d1) - strike * _normal(way * d2))
