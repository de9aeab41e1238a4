"""What the recording adds to the journal's figures: curves, drawdowns, the feed's quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from engine.core.book import Book
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument
from engine.report.booking import Booking
from engine.report.curves import Curves, step_for
from engine.report.drawdown import Drawdown
from engine.report.feed import FeedQuality, FeedSpan, Spread
from engine.report.greek_curves import GreekSampler
from engine.report.walk import Market, Walk
from engine.rules.clock_time import NS_PER_S, ist_date
from engine.rules.sessions import Sessions

PRICES_MAX: Final = 24
"""Price curves in a report: those traded for most money; a note says how many are missing."""


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of looking at the market again. Drawdowns are by strategy; None is all together."""

    curves: Curves | None = None
    feed: FeedQuality | None = None
    drawdowns: Mapping[str | None, Drawdown] = {}
    notes: tuple[str, ...] = ()


def look(
    market: Market,
    booked: Sequence[Booking],
    strategies: Sequence[str],
    spans: tuple[FeedSpan, ...],
    sessions: Sessions,
    *,
    begin: int,
    end: int,
) -> MarketView:
    """Walk through the recording from ``begin`` to ``end`` (ns UTC) and return what it shows.

    Raises ``RecordingError`` where it cannot be read.
    """
    catalogue = market.catalogue
    notes: list[str] = []
    shown, left_out = _shown(catalogue, booked)
    if left_out:
        notes.append(f"{left_out} of the instruments traded for least money have no price curve")
    book = Book(catalogue)
    greeks = GreekSampler(catalogue, book, sessions)
    step_s = step_for(end - begin)
    walk = Walk(
        market, booked, strategies, shown, greeks, book, step_s=step_s, begin=begin, end=end
    )
    walk.run()
    notes += [f"no greeks of {name}: {why}" for name, why in sorted(greeks.unknown.items())]
    if walk.unpriced_points:
        notes.append(
            f"at {walk.unpriced_points} points something held had not been priced yet and counts "
            "at cost"
        )
    curves = Curves(
        step_s=step_s,
        midnight_at=walk.midnight,
        clock_s=[(at - walk.midnight) / NS_PER_S for at in walk.points],
        windows=_windows(sessions, booked, catalogue, walk.midnight),
        total=walk.total,
        strategies=walk.profits,
        exposure=walk.exposure,
        greeks=greeks.curves(),
        prices=walk.prices,
        frames=walk.frame_counts,
        unpriced_points=walk.unpriced_points,
    )
    drawdowns = {name: walk.drawdown(name) for name in (None, *strategies)}
    return MarketView(
        curves=curves, feed=_feed(walk, spans), drawdowns=drawdowns, notes=tuple(notes)
    )


def _feed(walk: Walk, spans: tuple[FeedSpan, ...]) -> FeedQuality:
    silence = walk.longest_silence
    return FeedQuality(
        frames=walk.frames,
        bad_frames=walk.bad_frames,
        other_frames=walk.other_frames,
        bad=tuple(walk.bad),
        first_at=walk.first_at,
        last_at=walk.last_at,
        longest_silence_s=None if silence is None else round(silence[0] / NS_PER_S, 3),
        longest_silence_at=None if silence is None else silence[1],
        spans=spans,
        lag=Spread.of_counts("feed: exchange stamp to received", walk.lag_ms),
    )


def _shown(
    catalogue: Catalogue, booked: Sequence[Booking]
) -> tuple[list[tuple[Instrument, bool]], int]:
    """Return the instruments with a price curve, underlyings first, and how many have none."""
    turnover: dict[Instrument, float] = {}
    for fill in booked:
        turnover[fill.instrument] = turnover.get(fill.instrument, 0.0) + abs(fill.cash_inr)
    traded = sorted(turnover, key=lambda each: (-turnover[each], each.index))
    underlyings = dict.fromkeys(each.underlying for each in traded) or dict.fromkeys(
        catalogue.underlyings()
    )
    references: dict[Instrument, None] = {}
    for underlying in underlyings:
        try:
            references[catalogue.reference(underlying)] = None
        except FileError:
            # Options alone were recorded: there is nothing to draw their underlying from.
            continue
    chosen = [(each, each in turnover) for each in references]
    chosen += [(each, True) for each in traded if each not in references]
    return chosen[:PRICES_MAX], max(len(chosen) - PRICES_MAX, 0)


def _windows(
    sessions: Sessions, booked: Sequence[Booking], catalogue: Catalogue, midnight: int
) -> list[tuple[float, float]]:
    """Return the hours of continuous trading of what was traded, or else of all recorded."""
    instruments = dict.fromkeys(fill.instrument for fill in booked) or dict.fromkeys(catalogue)
    spans: dict[tuple[float, float], None] = {}
    for instrument in instruments:
        session = sessions.of(instrument, ist_date(midnight))
        for opens, closes in () if session is None else session.windows_ns():
            spans[(opens - midnight) / NS_PER_S, (closes - midnight) / NS_PER_S] = None
    merged: list[tuple[float, float]] = []
    for span in sorted(spans):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], span[1])
        else:
            merged.append(span)
    return merged
