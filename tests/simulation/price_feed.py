"""The market's prices as the engine hears them, and a session log that keeps none of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.errors import FileError
from engine.model.instrument import Instrument, Kind
from engine.model.market import Bar, Tick
from tests.simulation.broker import Market

FULL_EVERY = 4
"""Every so many steps everything is told again, moved or not."""


class NoLog:
    """A session log nobody reads."""

    def dispatched_frames(self, *_: object) -> None:
        """Forget it."""

    def dispatched_event(self, *_: object) -> None:
        """Forget it."""

    def effects(self, *_: object) -> None:
        """Forget it."""


class PriceFeed:
    """The market's prices as ticks on the engine's bus; it has no faults of its own here."""

    def __init__(self, market: Market, instruments: Mapping[str, Instrument]) -> None:
        self._market = market
        self._instruments = instruments
        self.wanted: dict[str, Instrument] = {}
        self._quiet_for = FULL_EVERY

    def subscribe(self, instruments: Sequence[Instrument], *, depth: bool) -> None:
        del depth
        self.wanted.update((i.key, i) for i in instruments)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        for instrument in instruments:
            self.wanted.pop(instrument.key, None)

    async def history(self, instrument: Instrument, span: str) -> Sequence[Bar]:
        raise FileError(f"no {span} of {instrument.symbol}")

    def ticks(self, moved: Iterable[str], now: int) -> list[Tick]:
        """Return what is said of those that moved, and of everything once in a while."""
        self._quiet_for += 1
        if self._quiet_for >= FULL_EVERY:
            self._quiet_for = 0
            moved = list(self.wanted)
        made = []
        for key in moved:
            instrument = self.wanted.get(key)
            if instrument is None:
                continue
            price = self._market.prices.get(key)
            if price is not None:
                tradable = instrument.kind is Kind.OPTION
                made.append(
                    Tick(
                        instrument,
                        "sim",
                        price / 100,
                        now,
                        now,
                        bid=self._market.bid(key) / 100 if tradable else None,
                        ask=self._market.ask(key) / 100 if tradable else None,
                        bid_qty=6_500 if tradable else None,
                        ask_qty=6_500 if tradable else None,
                    )
                )
        return made
