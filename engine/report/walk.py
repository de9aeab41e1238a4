"""Walks through a recording once more, with the session's fills, and keeps what the report shows.

Marks are the last prices, as the engine's own are. Profit is followed at every price of what is
held, so that the drawdown is exact; curves are taken at the points of a grid.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from engine.core.book import Book
from engine.errors import WireError
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument
from engine.ports import Decoder
from engine.report.booking import Booking
from engine.report.curves import Exposure, PriceCurve, ProfitCurve
from engine.report.drawdown import Drawdown, DrawdownWatch
from engine.report.greek_curves import GreekSampler
from engine.rules.clock_time import NS_PER_S, ist_date, midnight_ns
from engine.runtime.tasks import read_ahead
from engine.sessionlog.reader import Through
from engine.sessionlog.row import FrameBatch

BAD_FRAMES_KEPT: Final = 5
_NEVER: Final = 1 << 62


class Market(Protocol):
    """The recording a session ran on (``brokers.replay.recording.Recording``)."""

    @property
    def catalogue(self) -> Catalogue:
        """Its instruments."""

    @property
    def decoder(self) -> Decoder:
        """Reads its frames."""

    def frames(self, *, through: Through) -> Iterator[FrameBatch]:
        """Yield its frames in order, unpacked ``through`` that.

        Raises ``RecordingError`` where they cannot be read.
        """


class _Purse:
    """One strategy's money while the walk goes on, or that of all together."""

    __slots__ = ("cash", "charges", "curve", "gross", "knows_charges", "realised", "watch")

    def __init__(self, strategy: str, at: int, *, knows_charges: bool) -> None:
        self.cash = 0.0
        self.charges = 0.0
        self.realised = 0.0
        self.gross = 0.0
        self.knows_charges = knows_charges
        self.watch = DrawdownWatch(at)
        self.curve = ProfitCurve(
            strategy=strategy,
            gross_inr=[],
            realised_inr=[],
            net_inr=[] if knows_charges else None,
            drawdown_inr=[],
        )

    def see(self, at: int) -> None:
        self.watch.see(self.gross - self.charges, at)

    def sample(self, at: int) -> None:
        self.see(at)
        net = self.gross - self.charges
        self.curve.gross_inr.append(_paise(self.gross))
        self.curve.realised_inr.append(_paise(self.realised))
        if self.curve.net_inr is not None:
            self.curve.net_inr.append(_paise(net))
        self.curve.drawdown_inr.append(_paise(min(net - self.watch.high, 0.0)))


class Walk:
    """One pass over a recording, from its first frame until ``end`` (ns UTC).

    ``step_s`` is the distance of the grid's points. ``strategies`` get a curve each, traded or not;
    ``shown`` are the instruments whose prices are kept. ``run`` is the whole of it; everything else
    is what came out.
    """

    def __init__(
        self,
        market: Market,
        booked: Sequence[Booking],
        strategies: Sequence[str],
        shown: Sequence[tuple[Instrument, bool]],
        greeks: GreekSampler,
        book: Book,
        *,
        step_s: int,
        begin: int,
        end: int,
    ) -> None:
        self._market = market
        self._booked = booked
        self._begin = begin
        self._end = end
        self._step = step_s * NS_PER_S
        self._greeks = greeks
        self._book = book
        self.midnight = midnight_ns(ist_date(begin))
        unknown = {b.strategy for b in booked if b.charges_inr is None}
        self._total = _Purse("total", begin, knows_charges=not unknown)
        self._purses = {
            name: _Purse(name, begin, knows_charges=name not in unknown) for name in strategies
        }
        size = len(market.catalogue)
        # By instrument index: who holds how much of it, and at what it is marked.
        self._holders: list[dict[str, int] | None] = [None] * size
        self._marks: list[float | None] = [None] * size
        self._held: dict[int, dict[str, int]] = {}
        self._open: dict[int, int] = {}
        self._place = 0
        self._point = begin
        self._counted = 0
        self.points: array[int] = array("q")
        self.exposure = Exposure(long_inr=[], short_inr=[])
        self.prices = tuple(
            PriceCurve(
                instrument=each.key,
                symbol=each.symbol,
                underlying=each.underlying,
                is_traded=is_traded,
                last=[],
            )
            for each, is_traded in shown
        )
        self._shown = [each.index for each, _ in shown]
        self.frame_counts: list[int] = []
        self.unpriced_points = 0
        self.frames = 0
        self.bad_frames = 0
        self.other_frames = 0
        self.bad: list[str] = []
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.longest_silence: tuple[int, int] | None = None
        self.lag_ms: Counter[int] = Counter()

    # -- what came out ---------------------------------------------------------------------------

    @property
    def total(self) -> ProfitCurve:
        """Profit of all strategies together."""
        return self._total.curve

    @property
    def profits(self) -> tuple[ProfitCurve, ...]:
        """Profit of each strategy."""
        return tuple(purse.curve for purse in self._purses.values())

    def drawdown(self, strategy: str | None) -> Drawdown:
        """Return the deepest fall of one strategy's profit, or of all together."""
        purse = self._total if strategy is None else self._purses[strategy]
        return purse.watch.worst()

    # -- the walk --------------------------------------------------------------------------------

    def run(self) -> None:
        """Walk. Raises ``RecordingError`` where the recording cannot be read."""
        decode, ticks = self._market.decoder.tick, self._book.ticks
        marks, holders, purses, total = self._marks, self._holders, self._purses, self._total
        lag_ms, end = self.lag_ms, self._end
        count = silence = silent_from = last_at = 0
        due = self._due()
        for batch in self._market.frames(through=read_ahead):
            if self.first_at is None:
                self.first_at = last_at = batch.received_at[0]
            for at, payload in zip(batch.received_at, batch.payloads, strict=True):
                if at >= due:
                    if at > end:
                        break
                    self.frames = count
                    self._catch_up(at)
                    due = self._due()
                if at - last_at > silence:
                    silence, silent_from = at - last_at, last_at
                last_at = at
                count += 1
                try:
                    tick = decode(payload, at)
                except WireError as error:
                    self._note_bad(count - 1, error)
                    continue
                if tick is None:
                    self.other_frames += 1
                    continue
                index = tick.instrument.index
                ticks[index] = tick
                lag_ms[(at - tick.exchange_time) // 1_000_000] += 1
                before, last = marks[index], tick.last
                marks[index] = last
                held = holders[index]
                if held and before is not None and last != before:
                    growth = last - before
                    for strategy, units in held.items():
                        purse = purses[strategy]
                        purse.gross += units * growth
                        purse.see(at)
                        total.gross += units * growth
                    total.see(at)
            else:
                continue
            break
        self.frames = count
        self.last_at = last_at or None
        self.longest_silence = (silence, silent_from) if silence else None
        self._catch_up(self._end + 1)

    def _due(self) -> int:
        """Return when something other than a frame is next: a fill, a point, or the end."""
        fill = self._booked[self._place].at if self._place < len(self._booked) else _NEVER
        # A point comes after the frames of its own moment, a fill before them.
        return min(fill, self._point + 1, self._end + 1)

    def _catch_up(self, at: int) -> None:
        """Let every fill until ``at`` and every point before it happen, in order."""
        while True:
            fill = self._booked[self._place].at if self._place < len(self._booked) else _NEVER
            if fill <= at and fill <= self._point:
                self._fill(self._booked[self._place])
                self._place += 1
            elif self._point < at and self._point <= self._end:
                self._sample(self._point)
                if self._point == self._end:
                    self._point = _NEVER
                else:
                    following = (self._point // self._step + 1) * self._step
                    self._point = min(following, self._end)
            else:
                return

    def _fill(self, fill: Booking) -> None:
        index = fill.instrument.index
        if self._marks[index] is None:
            # Nothing was seen of it yet: it counts at cost.
            self._marks[index] = fill.price
        held = self._holders[index]
        if held is None:
            held = self._holders[index] = {}
        self._held[index] = held
        held[fill.strategy] = held.get(fill.strategy, 0) + fill.units
        if not held[fill.strategy]:
            del held[fill.strategy]
        if not held:
            del self._held[index]
        self._open[index] = self._open.get(index, 0) + fill.units
        if not self._open[index]:
            del self._open[index]
        purse = self._purses[fill.strategy]
        charges = fill.charges_inr or 0.0
        for each in (purse, self._total):
            each.cash += fill.cash_inr
            each.charges += charges
        self._total.realised += fill.realised_inr - purse.realised
        purse.realised = fill.realised_inr
        self._value()
        purse.see(fill.at)
        self._total.see(fill.at)

    def _value(self) -> None:
        """Work profit out anew from cash and marks: sums of growths would gather rounding."""
        for purse in self._purses.values():
            purse.gross = purse.cash
        for index, held in self._held.items():
            mark = self._marks[index]
            if mark is not None:
                for strategy, units in held.items():
                    self._purses[strategy].gross += units * mark
        self._total.gross = sum(purse.gross for purse in self._purses.values())

    def _sample(self, at: int) -> None:
        self._value()
        for purse in self._purses.values():
            purse.sample(at)
        self._total.sample(at)
        long = short = 0.0
        unpriced = False
        for index, units in self._open.items():
            mark = self._marks[index]
            unpriced |= self._book.ticks[index] is None
            if mark is not None:
                value = units * mark
                long, short = (long + value, short) if value > 0 else (long, short + value)
        self.exposure.long_inr.append(_paise(long))
        self.exposure.short_inr.append(_paise(short))
        self.unpriced_points += unpriced
        for index, curve in zip(self._shown, self.prices, strict=True):
            tick = self._book.ticks[index]
            curve.last.append(None if tick is None else tick.last)
        self.frame_counts.append(self.frames - self._counted)
        self._counted = self.frames
        catalogue = self._market.catalogue
        self._greeks.sample(at, [(catalogue[index], units) for index, units in self._open.items()])
        self.points.append(at)

    def _note_bad(self, number: int, error: WireError) -> None:
        self.bad_frames += 1
        if len(self.bad) < BAD_FRAMES_KEPT:
            self.bad.append(f"frame {number}: {error}")


def _paise(amount: float) -> float:
    # -0.0 would be another text than 0.0.
    return round(amount, 2) + 0.0
