"""Contracts of an import by place: each distinct wording of a source is understood once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import FileError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.ports import FrameMaker
from engine.sessionlog.importing.contracts import (
    Contracts,
    Identity,
    UnknownContract,
    read_identity,
    underlying_of,
)
from engine.sessionlog.importing.mapping import IDENTITY, FieldSource, expiry_of
from engine.sessionlog.importing.sieve import Why

_SEPARATOR: Final = "\x1f"
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()

# A strike this many times the middle of its expiry's, or this part of it, is a slip of the pen.
_ABSURD_FACTOR: Final = 5

# Messages show three contracts of a kind; looking for what is near a fourth would help nobody.
_SEARCHED: Final = 10

NO_PLACE: Final = {Why.UNKNOWN_INSTRUMENT: -1, Why.EXPIRED: -2, Why.NO_CONTRACT: -3}


@dataclass(slots=True)
class Places:
    """Contracts in order of first appearance; a contract whose lot changed has two places.

    ``rows`` counts what was read of each.
    """

    contracts: Contracts
    maker: FrameMaker
    fields: Mapping[str, FieldSource]
    facts: list[InstrumentFacts] = field(default_factory=list)
    rows: Counter[int] = field(default_factory=Counter)
    _by_text: dict[str, int] = field(default_factory=dict)
    _by_facts: dict[InstrumentFacts, int] = field(default_factory=dict)
    _underlying_of: dict[tuple[int, int], int] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The source's columns that tell contracts apart."""
        return tuple(
            source.column
            for name in IDENTITY
            if (source := self.fields.get(name)) is not None and source.column is not None
        )

    def of(self, texts: list[pa.Array], days: pa.Array, prices: pa.Array) -> pa.Array:
        """Return the place of each row, below 0 (``NO_PLACE``) where there is none.

        ``texts`` are ``columns`` as text, ``days`` are days since 1970.
        """
        parts = [pc.fill_null(text, "") for text in texts]
        wording = pc.binary_join_element_wise(pc.cast(days, pa.string()), *parts, _SEPARATOR)
        coded = wording.dictionary_encode()
        found = []
        for code, text in enumerate(coded.dictionary.to_pylist()):
            place = self._by_text.get(text)
            if place is None:
                first = pc.index(coded.indices, pa.scalar(code, coded.indices.type)).as_py()
                place = self._understand(text, prices[first].as_py())
                self._by_text[text] = place
            found.append(place)
        return pa.array(found, pa.int32()).take(coded.indices)

    def underlyings(self, places: pa.Array, days: pa.Array) -> pa.Array:
        """Return the place of what each row's contract is on."""
        both = pc.add(pc.multiply(pc.cast(days, pa.int64()), 1 << 32), pc.cast(places, pa.int64()))
        coded = both.dictionary_encode()
        found = []
        for key in coded.dictionary.to_pylist():
            day, place = divmod(key, 1 << 32)
            found.append(self._underlying(place, day))
        return pa.array(found, pa.int32()).take(coded.indices)

    def problem(self, text: str) -> str:
        """Return why a wording has no place."""
        return self._problems.get(text, "")

    def problems(self, why: Why) -> list[str]:
        """Return, in words, the contracts that have no place because of ``why``."""
        code = NO_PLACE[why]
        wrong = (self._problems[text] for text, place in self._by_text.items() if place == code)
        return list(dict.fromkeys(wrong))

    def scales(self) -> pa.Array:
        """Return the wire units in a rupee by place, as float."""
        return pa.array([float(self.maker.scale(f.segment)) for f in self.facts], pa.float64())

    def ticks(self) -> pa.Array:
        """Return the tick by place in wire units; 1 for an index, whose values have no grid."""
        return pa.array(
            [
                1
                if f.kind is Kind.INDEX
                else max(int(f.tick_size * self.maker.scale(f.segment)), 1)
                for f in self.facts
            ],
            pa.int64(),
        )

    def lots(self) -> pa.Array:
        """Return the lot by place, 1 for what is no derivative."""
        return pa.array(
            [f.lot_size if f.kind in (Kind.OPTION, Kind.FUTURE) else 1 for f in self.facts],
            pa.int64(),
        )

    def absurd_strikes(self) -> dict[int, str]:
        """Return the places whose strike is far from the middle of its expiry's, and why."""
        chains: dict[tuple[Segment, str, date | None], list[int]] = {}
        for place, facts in enumerate(self.facts):
            if facts.kind is Kind.OPTION and self.rows[place]:
                chain = (facts.segment, facts.underlying, facts.expiry)
                chains.setdefault(chain, []).append(place)
        wrong: dict[int, str] = {}
        for places in chains.values():
            strikes = {place: self.facts[place].strike or Decimal(0) for place in places}
            middle = median(strikes.values())
            for place, strike in strikes.items():
                if not middle / _ABSURD_FACTOR <= strike <= middle * _ABSURD_FACTOR:
                    wrong[place] = f"{self.facts[place].key}, the middle strike is {middle:f}"
        return wrong

    def used(self, places: Iterable[int]) -> list[InstrumentFacts]:
        """Return the facts of ``places`` in their canonical order."""
        return sorted((self.facts[place] for place in places), key=_canonical)

    def _understand(self, text: str, price: float | None) -> int:
        day_text, *values = text.split(_SEPARATOR)
        written = dict(zip(self._column_fields(), values, strict=True))
        day = date.fromordinal(_EPOCH_DAY + int(day_text))
        try:
            facts = self._facts(written, day, price)
        except UnknownContract as error:
            is_shown = len(self._problems) < _SEARCHED
            nearest = error.nearest() if is_shown else ""
            return self._wrong(text, Why.UNKNOWN_INSTRUMENT, f"{error}{nearest}")
        except ValueError as error:
            return self._wrong(text, Why.NO_CONTRACT, str(error))
        if facts.expiry is not None and facts.expiry < day:
            told = f"{facts.key} on {day.isoformat()}"
            return self._wrong(text, Why.EXPIRED, told)
        return self._place(facts)

    def _facts(self, written: dict[str, str], day: date, price: float | None) -> InstrumentFacts:
        words = {}
        for name in IDENTITY:
            source = self.fields.get(name)
            if source is None:
                continue
            text = source.value if source.value is not None else written[name]
            words[name] = source.rename.get(text, text)
        if words.get("token"):
            segment = words.get("segment", "")
            if segment not in tuple(Segment):
                raise ValueError(
                    f"token {words['token']}: segment {segment!r} is not one of "
                    f"{', '.join(Segment)}; map it, or --set segment=nse_fo"
                )
            return self.contracts.by_token(Segment(segment), words["token"])
        if words.get("symbol"):
            return self.contracts.by_symbol(words["symbol"])
        expiry = self.fields.get("expiry")
        written_as = None if expiry is None or expiry.value is not None else expiry.format
        identity = read_identity(words, lambda text: expiry_of(text, written_as))
        return self.contracts.facts(identity, day, price or 0.0)

    def _column_fields(self) -> list[str]:
        return [
            name
            for name in IDENTITY
            if (source := self.fields.get(name)) is not None and source.column is not None
        ]

    def _wrong(self, text: str, why: Why, told: str) -> int:
        self._problems[text] = told
        return NO_PLACE[why]

    def _place(self, facts: InstrumentFacts) -> int:
        place = self._by_facts.setdefault(facts, len(self.facts))
        if place == len(self.facts):
            self.facts.append(facts)
        return place

    def _underlying(self, place: int, day: int) -> int:
        known = self._underlying_of.get((place, day))
        if known is None:
            facts = self.facts[place]
            identity = Identity(
                facts.segment, facts.kind, facts.underlying, facts.expiry, facts.strike, facts.right
            )
            try:
                on = self.contracts.facts(
                    underlying_of(identity), date.fromordinal(_EPOCH_DAY + day), 0.0
                )
            except UnknownContract as error:
                raise FileError(
                    f"underlying_last: the instrument list has no {error}; add it, or leave the "
                    "field out of the map"
                ) from error
            known = self._underlying_of[place, day] = self._place(on)
        return known


def _canonical(facts: InstrumentFacts) -> tuple[str, str, str, str, Decimal, str]:
    return (
        facts.segment,
        facts.underlying,
        facts.kind,
        "" if facts.expiry is None else facts.expiry.isoformat(),
        facts.strike or Decimal(0),
        facts.right or "",
    )
