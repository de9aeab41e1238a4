"""A broker's numbers for instruments: its tokens live here, never in an ``Instrument``.

Tokens are recycled after expiry (protocols/angelone.md section 5), so a table belongs to one
session: a recording's header carries the rows it was recorded with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Segment


class TokenRow(NamedTuple):
    """One line of a table as it is written down; ``key`` is the instrument's canonical key.

    In JSON it is an array of three strings.
    """

    segment: Segment
    token: str
    key: str


class Listing(NamedTuple):
    """A row of an instrument list: the contract, and its broker's token and trading symbol."""

    facts: InstrumentFacts
    token: str
    symbol: str

    @property
    def row(self) -> TokenRow:
        """The row of a token table."""
        return TokenRow(self.facts.segment, self.token, self.facts.key)


class TokenTable:
    """Maps one broker's (segment, token) to instruments and back. Iterates in order of adding."""

    def __init__(self) -> None:
        self._instruments: dict[tuple[Segment, str], Instrument] = {}
        self._tokens: dict[Instrument, tuple[Segment, str]] = {}

    def __len__(self) -> int:
        return len(self._instruments)

    def __iter__(self) -> Iterator[tuple[Segment, str, Instrument]]:
        return ((*place, instrument) for place, instrument in self._instruments.items())

    def add(self, segment: Segment, token: str, instrument: Instrument) -> None:
        """Enter one pair; entering it again changes nothing.

        Raises ``FileError`` for an empty token, and when either half is already paired otherwise.
        """
        if not token:
            raise FileError(f"{instrument.symbol}: an empty token on {segment}")
        known = self._instruments.setdefault((segment, token), instrument)
        if known is not instrument:
            raise FileError(
                f"token {token} on {segment} means {known.symbol} and {instrument.symbol}; "
                "keep one of the two rows"
            )
        place = self._tokens.setdefault(instrument, (segment, token))
        if place != (segment, token):
            del self._instruments[segment, token]
            raise FileError(
                f"{instrument.symbol} has token {place[1]} on {place[0]} and {token} on {segment}; "
                "keep one of the two rows"
            )

    def instrument(self, segment: Segment, token: str) -> Instrument:
        """Return what the broker means. Raises ``FileError`` when the pair is not in the table."""
        try:
            return self._instruments[segment, token]
        except KeyError:
            raise FileError(f"no instrument has token {token} on {segment}") from None

    def token(self, instrument: Instrument) -> tuple[Segment, str]:
        """Return the broker's (segment, token). Raises ``FileError`` where it has none."""
        try:
            return self._tokens[instrument]
        except KeyError:
            raise FileError(f"{instrument.symbol} has no token with this broker") from None

    def rows(self) -> list[TokenRow]:
        """Return the table in the form in which it is written down."""
        return [
            TokenRow(segment, token, instrument.key)
            for (segment, token), instrument in self._instruments.items()
        ]

    @classmethod
    def of(cls, catalogue: Catalogue, rows: Iterable[TokenRow]) -> TokenTable:
        """Read a written table back. Raises ``FileError`` for a key ``catalogue`` lacks."""
        made = cls()
        for segment, token, key in rows:
            made.add(segment, token, catalogue.by_key(key))
        return made
