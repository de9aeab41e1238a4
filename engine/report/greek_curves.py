"""The greeks of everything held, by underlying, at the points of a grid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.core.book import Book
from engine.core.held_greeks import held_greeks
from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.greeks import PortfolioGreeks
from engine.model.instrument import Instrument
from engine.report.curves import GreekCurve
from engine.rules.sessions import Sessions

_NAMES: Final = ("delta", "gamma", "vega", "theta")
_DIGITS: Final = 6


class GreekSampler:
    """Told what is held at each point, in order. The arithmetic is ``self.greeks()``'s own.

    ``unknown`` says, by underlying, why it could not be valued at all.
    """

    def __init__(self, catalogue: Catalogue, book: Book, sessions: Sessions) -> None:
        self._catalogue = catalogue
        self._book = book
        self._sessions = sessions
        self._points = 0
        self._curves: dict[str, GreekCurve] = {}
        self.unknown: dict[str, str] = {}

    def sample(self, at: int, held: Iterable[tuple[Instrument, int]]) -> None:
        """Note what is held (net units by contract) at a point, ns UTC."""
        by_underlying: dict[str, list[tuple[Instrument, int]]] = {}
        for instrument, units in held:
            by_underlying.setdefault(instrument.underlying, []).append((instrument, units))
        for underlying in by_underlying:
            if underlying not in self._curves:
                # Nothing was held of it at the points before.
                lines: dict[str, list[float | None]] = {n: [0.0] * self._points for n in _NAMES}
                self._curves[underlying] = GreekCurve(underlying=underlying, **lines)
        for underlying, curve in self._curves.items():
            own = by_underlying.get(underlying)
            greeks = None if own is None else self._greeks(underlying, own, at)
            for name in _NAMES:
                # Nothing held is nothing at stake.
                value = 0.0 if own is None else getattr(greeks, name, None)
                getattr(curve, name).append(_shown(value))
        self._points += 1

    def curves(self) -> tuple[GreekCurve, ...]:
        """Return a curve per underlying, in order of name."""
        return tuple(self._curves[name] for name in sorted(self._curves))

    def _greeks(
        self, underlying: str, held: list[tuple[Instrument, int]], at: int
    ) -> PortfolioGreeks | None:
        try:
            return held_greeks(held, self._catalogue, self._book, self._sessions, at)[underlying]
        except FileError as error:
            # No underlying to price against, or an expiry beyond the calendar.
            self.unknown[underlying] = str(error)
            return None


def _shown(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}") + 0.0
