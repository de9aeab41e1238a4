"""The instruments of one session: who exists, found by key, by words or by chain.

One catalogue is made per run (from a recording's header or a broker's master) and never a global,
so that tests and runs do not share contracts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.errors import FileError
from engine.model.instrument import (
    Instrument,
    Kind,
    Right,
    Segment,
    canonical_key,
)
from engine.model.strikes import Strikes


class InstrumentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies a contract and its grid; the form in which instruments are written down."""

    segment: Segment
    kind: Kind
    underlying: str
    expiry: date | None = None
    strike: Decimal | None = None
    right: Right | None = None
    lot_size: int = 1
    tick_size: Decimal = Decimal("0.05")
    freeze_quantity: int | None = None

    @property
    def key(self) -> str:
        """The canonical identity."""
        return canonical_key(
            self.segment, self.kind, self.underlying, self.expiry, self.strike, self.right
        )


class Catalogue:
    """Interns instruments and answers look-ups. Iterates in order of ``index``."""

    def __init__(self) -> None:
        self._by_index: list[Instrument] = []
        self._by_key: dict[str, Instrument] = {}
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._expiries: dict[tuple[str, Kind], list[date]] = {}
        self._strikes: dict[tuple[str, date], Strikes] = {}
        self._references: dict[str, Instrument] = {}

    def __len__(self) -> int:
        return len(self._by_index)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_index)

    def __getitem__(self, index: int) -> Instrument:
        return self._by_index[index]

    def intern(self, facts: InstrumentFacts) -> Instrument:
        """Return the one object for this contract, making it the first time.

        Raises ``FileError`` when the same contract is described with another lot, tick or freeze
        quantity: two masters that disagree are never merged silently.
        """
        known = self._by_key.get(facts.key)
        if known is not None:
            for name in ("lot_size", "tick_size", "freeze_quantity"):
                if getattr(known, name) != getattr(facts, name):
                    raise FileError(
                        f"{known.symbol}: {name} is {getattr(known, name)} in one place and "
                        f"{getattr(facts, name)} in another; keep one instrument list"
                    )
            return known
        made = Instrument(
            index=len(self._by_index),
            **{name: getattr(facts, name) for name in facts.__struct_fields__},
        )
        self._by_index.append(made)
        self._by_key[made.key] = made
        self._by_symbol.setdefault(made.symbol.upper(), []).append(made)
        # Answers found before are no longer whole.
        self._expiries.clear()
        self._strikes.clear()
        self._references.clear()
        return made

    def by_key(self, key: str) -> Instrument:
        """Return the instrument with this canonical key. Raises ``FileError`` when unknown."""
        try:
            return self._by_key[key]
        except KeyError:
            raise FileError(f"no instrument {key!r}{self._nearest(key, self._by_key)}") from None

    def find(self, words: str) -> Instrument:
        """Return the instrument a person means by ``words``: a symbol, a key or an underlying.

        An underlying (``NIFTY``) means its index or, without one, its share. Raises ``FileError``
        with the nearest known symbols, or with the keys where a symbol has several meanings.
        """
        asked = " ".join(words.split()).upper()
        meant = self._by_symbol.get(asked, [])
        indices = [i for i in meant if i.kind is Kind.INDEX]
        found = indices or meant
        if len(found) == 1:
            return found[0]
        if found:
            keys = ", ".join(i.key for i in found)
            raise FileError(f"{words!r} is several instruments; say which by its key: {keys}")
        if words in self._by_key:
            return self._by_key[words]
        raise FileError(f"no instrument {words!r}{self._nearest(asked, self._by_symbol)}")

    def underlyings(self) -> list[str]:
        """Every underlying, in order of first appearance."""
        return list(dict.fromkeys(i.underlying for i in self._by_index))

    def expiries(self, underlying: str, kind: Kind = Kind.OPTION) -> list[date]:
        """Expiries of the contracts of ``underlying``, nearest first."""
        known = self._expiries.get((underlying, kind))
        if known is None:
            known = self._expiries[underlying, kind] = sorted(
                {
                    i.expiry
                    for i in self._by_index
                    if i.underlying == underlying and i.kind is kind and i.expiry is not None
                }
            )
        return list(known)

    def strikes(self, underlying: str, expiry: date) -> Strikes:
        """Return the options of one expiry; the same object until another contract is known."""
        known = self._strikes.get((underlying, expiry))
        if known is None:
            options = [
                i
                for i in self._by_index
                if i.kind is Kind.OPTION and i.underlying == underlying and i.expiry == expiry
            ]
            known = self._strikes[underlying, expiry] = Strikes(underlying, expiry, options)
        return known

    def options(self, underlying: str, expiry: date) -> list[Instrument]:
        """Options of one expiry, by strike and then call before put."""
        return list(self.strikes(underlying, expiry).options)

    def reference(self, underlying: str) -> Instrument:
        """Return what the options are on: the index or share, else the nearest future.

        Raises ``FileError`` where none of them is known.
        """
        known = self._references.get(underlying)
        if known is None:
            spots = (
                i
                for i in self._by_index
                if i.underlying == underlying and i.kind in (Kind.INDEX, Kind.EQUITY)
            )
            known = self._references[underlying] = next(spots, None) or self.future(underlying)
        return known

    def future(self, underlying: str, nth: int = 0) -> Instrument:
        """Return the ``nth`` nearest future of ``underlying``. Raises ``FileError`` without one."""
        found = sorted(
            (i for i in self._by_index if i.kind is Kind.FUTURE and i.underlying == underlying),
            key=lambda i: i.expiry or date.max,
        )
        if not found:
            raise FileError(
                f"{underlying} has no future among the {len(self._by_index)} instruments known here"
            )
        if nth >= len(found):
            raise FileError(f"{underlying}: {len(found)} futures known, number {nth + 1} asked")
        return found[nth]

    def facts(self) -> list[InstrumentFacts]:
        """Every instrument in the form in which it is written down, in order of ``index``."""
        names = InstrumentFacts.__struct_fields__
        return [InstrumentFacts(**{n: getattr(i, n) for n in names}) for i in self._by_index]

    @classmethod
    def of(cls, facts: Sequence[InstrumentFacts]) -> Catalogue:
        """Make a catalogue whose indices follow the order of ``facts``."""
        made = cls()
        for fact in facts:
            made.intern(fact)
        return made

    @staticmethod
    def _nearest(asked: str, known: dict[str, Any]) -> str:
        close = difflib.get_close_matches(asked, known, n=3, cutoff=0.5)
        return f"; nearest: {', '.join(close)}" if close else ""
