"""A synthetic market session from a seed: what a feed would show of it, snapshot by snapshot.

The index follows a seeded path with the intraday volatility shape (``spot_process``); the future
stands above it by the carry and a noise of its own; options are priced by Black-76 on the future's
forward with a smile (``smile``, ``valuation``); each contract has a book (``book_maker``), a tape
(``tape``) and a pace (``activity``). Pure: the same terms give the same snapshots, and nothing
here knows any broker's bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date
from typing import Final

from brokers.exchange import activity
from brokers.exchange.dice import Dice
from brokers.exchange.listed import Listed, ListedContract, ListedIndex
from brokers.exchange.listings import MarketTerms, check_terms, list_contracts
from brokers.exchange.snapshot import MarketSnapshot
from brokers.exchange.underlying import Surface, Underlying
from brokers.exchange.valuation import FutureValuation, OptionValuation, Valuation
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.contracts import expiry_ns
from engine.rules.sessions import Sessions

GENERATOR: Final = "brokers.exchange.seeded_market/1"
"""What made a session; the number grows when a seed starts to mean another one."""

CADENCE_S: Final = 1.0
"""How often a watched contract near the money is shown, seconds."""

# Times of events are whole milliseconds and arrivals whole microseconds: far coarser than what a
# logarithm of another C library could change.
_NS_PER_MS: Final = 1_000_000
_NS_PER_US: Final = 1_000

_FIRST_SHOWN_WITHIN_S: Final = 2.5
_LATENCY_FLOOR_MS: Final = 4.0
_LATENCY_MEAN_MS: Final = 9.0
_STALL_CHANCE: Final = 0.003
_STALL_MS: Final = (60.0, 220.0)


class SeededMarket:
    """One synthetic session. Raises ``FileError`` when ``terms`` cannot be met.

    ``listings`` are its contracts in the order of ``MarketSnapshot.listing``. ``underlying`` is the
    path behind them, for those who want to look at a seed before they use it.
    """

    def __init__(self, terms: MarketTerms, sessions: Sessions) -> None:
        check_terms(terms, sessions)
        self.terms = terms
        self.listings = list_contracts(terms, sessions)
        self.underlying = Underlying(terms, sessions)
        surfaces: dict[date, Surface] = {}
        self._listed: list[Listed] = [ListedIndex(self.underlying)]
        for facts in self.listings[1:]:
            valuation = self._valuation(facts, surfaces, sessions)
            dice = Dice(terms.seed, facts.key)
            self._listed.append(ListedContract(facts, valuation, self.underlying.opens, dice))

    def snapshots(self) -> Iterator[MarketSnapshot]:
        """Yield the session between the terms' begin and end, in order of ``received_at``.

        The time between is that of the exchange: the last snapshots may arrive moments after it.
        To be called once, since books and tapes are carried forward.
        """
        terms, opens = self.terms, self.underlying.opens
        begins = at_ns(terms.trading_date, terms.begins)
        ends = at_ns(terms.trading_date, terms.ends)
        pace, line = Dice(terms.seed, "pace"), Dice(terms.seed, "line")
        due = [
            (opens + int(pace.uniform(0.0, _FIRST_SHOWN_WITHIN_S) * 1_000.0) * _NS_PER_MS, listing)
            for listing in range(len(self._listed))
        ]
        heapq.heapify(due)
        arrived = sequence = 0
        while due[0][0] < ends:
            now, listing = due[0]
            listed = self._listed[listing]
            every_s = listed.move(now) / activity.rush((now - opens) / NS_PER_S)
            wait_ms = int(activity.wait_s(every_s, pace.exponential(1.0)) * 1_000.0)
            heapq.heapreplace(due, (now + max(wait_ms, 1) * _NS_PER_MS, listing))
            arrived = max(now + _latency_ns(line), arrived + _NS_PER_US)
            sequence += 1
            if now >= begins:
                yield listed.show(arrived, listing, sequence, now)

    def _valuation(
        self, facts: InstrumentFacts, surfaces: dict[date, Surface], sessions: Sessions
    ) -> Valuation:
        expiry, strike, right = facts.expiry, facts.strike, facts.right
        assert expiry is not None  # noqa: S101 - only the first listing is an index
        if facts.kind is Kind.FUTURE:
            return FutureValuation(self.underlying, expiry_ns(expiry, sessions))
        assert strike is not None  # noqa: S101 - what is left are options
        assert right is not None  # noqa: S101 - the same
        if expiry not in surfaces:
            smile = self.terms.following if surfaces else self.terms.nearest
            surfaces[expiry] = Surface(self.underlying, smile, expiry, sessions, self.terms.seed)
        return OptionValuation(
            self.underlying,
            surfaces[expiry],
            right,
            float(strike),
            is_nearest=next(iter(surfaces)) == expiry,
        )


def _latency_ns(line: Dice) -> int:
    latency_ms = _LATENCY_FLOOR_MS + line.exponential(_LATENCY_MEAN_MS)
    if line.chance(_STALL_CHANCE):
        latency_ms += line.uniform(*_STALL_MS)
    return int(latency_ms * 1_000.0) * _NS_PER_US
