"""The options of one underlying and expiry, as they are listed: facts, without prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from engine.model.instrument import Instrument, Right


class Strikes:
    """``options`` by strike and then call before put; ``strikes`` lowest first.

    Made by ``Catalogue.strikes`` and shared by everybody who asks, so it must not be changed.
    ``floats`` and ``are_calls`` stand beside ``options``, one place each, for arithmetic; ``pairs``
    names the places of the call and the put of every strike that has both.
    """

    __slots__ = (
        "_by_terms", "are_calls", "expiry", "floats", "options", "pairs", "strikes", "underlying",
    )  # fmt: skip

    def __init__(self, underlying: str, expiry: date, options: Sequence[Instrument]) -> None:
        self.underlying: Final = underlying
        self.expiry: Final = expiry
        self._by_terms: Final[dict[tuple[Decimal, Right], Instrument]] = {
            (option.strike, option.right): option
            for option in options
            if option.strike is not None and option.right is not None
        }
        terms = sorted(self._by_terms)
        self.options: Final = tuple(self._by_terms[term] for term in terms)
        self.strikes: Final = tuple(dict.fromkeys(strike for strike, _ in terms))
        self.floats: Final = tuple(float(strike) for strike, _ in terms)
        self.are_calls: Final = tuple(right is Right.CALL for _, right in terms)
        places = {term: place for place, term in enumerate(terms)}
        self.pairs: Final = tuple(
            (float(strike), places[strike, Right.CALL], places[strike, Right.PUT])
            for strike in self.strikes
            if (strike, Right.CALL) in places and (strike, Right.PUT) in places
        )

    def get(self, strike: Decimal, right: Right) -> Instrument | None:
        """Return the option with these terms, None where it is not listed."""
        return self._by_terms.get((strike, right))
