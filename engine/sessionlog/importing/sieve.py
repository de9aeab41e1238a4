"""Rows that cannot be used: counted by reason, with the first few places, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from engine.sessionlog.importing.mapping import Policies, Policy

_SHOWN: Final = 3


class Why(Enum):
    """What is wrong with a row: the policy that decides, in words, and what to do about it."""

    HALF_ROW = "half_row", "half a row: fewer or more columns than the header"
    NO_TIME = "missing", "a time that cannot be read"
    MISSING = "missing", "no value, NaN or no number where one is needed"
    NO_CONTRACT = "missing", "words that name no contract"
    BAD_QUANTITY = "missing", "a quantity that is no whole number from 0"
    BAD_PRICE = "bad_price", "a price of zero or below"
    BROKEN_CANDLE = "broken_candle", "a candle whose high or low does not hold its open and close"
    OVERLAPPING = "overlapping_candle", "a candle that begins before the one before it is over"
    OFF_GRID = "off_grid", "a price between two ticks"
    ODD_LOT = "odd_lot", "a quantity that is no multiple of the lot"
    ABSURD_STRIKE = "absurd_strike", "a strike far from all others of its expiry"
    UNKNOWN_INSTRUMENT = "unknown_instrument", "a contract that the instrument list does not have"
    EXPIRED = "expired", "a contract that had expired"
    OUTSIDE = "outside_session", "a time outside the session"
    CLOSED_DAY = "outside_session", "a day on which the exchange was closed"
    REFUSED_DAY = "outside_session", "of a day that was refused as a whole"
    BACKWARD = "backward", "a time before the row above it"
    DUPLICATE_SAME = "", "the same row again"
    TWO_UNDERLYINGS = "", "an underlying with two values at one time; the first counts"
    DUPLICATE = "duplicate", "another row of the same contract and time"
    FALLING_VOLUME = "falling_volume", "older than the row before: the day's volume is smaller"

    def __init__(self, policy: str, text: str) -> None:
        self.policy = policy
        self.text = text


REMEDIES: Final[dict[str, str]] = {
    "half_row": "mend the file, or leave such rows out with `half_row: skip`",
    "missing": "mend the file or the map's format, or leave such rows out with `missing: skip`",
    "bad_price": "mend the file, or leave such rows out with `bad_price: skip`",
    "broken_candle": "check which column is which, or leave such rows out with "
    "`broken_candle: skip`",
    "overlapping_candle": "check the map's cadence_s, or leave such rows out with "
    "`overlapping_candle: skip`",
    "off_grid": "check tick_size in the instrument list; `off_grid: round` takes the nearest tick, "
    "`off_grid: skip` leaves such rows out",
    "odd_lot": "the source may count lots: `unit: lots` on its quantities; or the list has another "
    "lot_size; `odd_lot: keep` takes them as they are",
    "absurd_strike": "check the strike column (paise instead of rupees?), or leave such rows out "
    "with `absurd_strike: skip`",
    "unknown_instrument": "take the list of those days, or leave such rows out with "
    "`unknown_instrument: skip`",
    "expired": "check the expiry's format, or leave such rows out with `expired: skip`",
    "outside_session": "check the time zone; `outside_session: skip` leaves out such rows and "
    "keeps the rest of the day",
    "backward": "`backward: sort` puts them in order",
    "duplicate": "`duplicate: first` or `last` takes one of them; `keep` takes all, for ticks that "
    "share a time",
    "falling_volume": "`falling_volume: skip` leaves out such rows, `keep` takes them as they are",
}
"""By policy: what a person can do. Policies stand under ``policy:`` in the map, or in --policy."""


class Place:
    """Where a row stands: a file and its line, the header being line 1."""

    def __init__(self, file: str, row: int) -> None:
        self.file = file
        self.row = row

    def __str__(self) -> str:
        return f"{self.file}:{self.row}"


@dataclass(slots=True)
class Findings:
    """Everything found while reading, by reason.

    ``refused`` must be empty for anything to be written. ``skipped`` and ``changed`` count rows;
    ``notes`` are sentences for the person who imports.
    """

    policies: Policies
    skipped: Counter[Why] = field(default_factory=Counter)
    refused: Counter[Why] = field(default_factory=Counter)
    changed: Counter[Why] = field(default_factory=Counter)
    places: dict[Why, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def decide(self, why: Why) -> Policy:
        """Return what the map wants done about ``why``."""
        return Policy(getattr(self.policies, why.policy)) if why.policy else Policy.SKIP

    def count(self, why: Why, rows: int, examples: Sequence[str]) -> Policy:
        """Count ``rows`` of one reason; return what becomes of them."""
        policy = self.decide(why)
        if policy is Policy.REFUSE:
            counter = self.refused
        elif policy in (Policy.ROUND, Policy.KEEP, Policy.SORT):
            counter = self.changed
        else:
            counter = self.skipped
        counter[why] += rows
        shown = self.places.setdefault(why, [])
        shown.extend(examples[: _SHOWN - len(shown)])
        return policy

    def note(self, text: str) -> None:
        """Remember a sentence, once."""
        if text not in self.notes:
            self.notes.append(text)

    def where(self, why: Why) -> str:
        """Return the first places of ``why`` in words."""
        return ", ".join(self.places.get(why, ()))

    def refusals(self) -> list[str]:
        """Return a sentence per reason to refuse: what, how many, where, what to do."""
        return [
            f"{rows:,} {'row' if rows == 1 else 'rows'}: {why.text} ({self.where(why)}); "
            f"{REMEDIES[why.policy]}"
            for why, rows in self.refused.items()
        ]


class Sieve:
    """The rows of one batch that are still in; each is counted under its first reason only."""

    def __init__(self, findings: Findings, file: str, rows: pa.Array) -> None:
        """``rows`` are the lines of the file."""
        self._findings = findings
        self._file = file
        self._rows = rows
        self._kept = pa.repeat(pa.scalar(value=True), len(rows))

    @property
    def kept(self) -> pa.Array:
        """True where a row is still in."""
        return self._kept

    def take(self, why: Why, bad: pa.Array, values: pa.Array | None = None) -> bool:
        """Judge the rows where ``bad`` (null counts as bad); return whether any was.

        ``values`` are shown beside the place. Rows whose policy keeps them stay in.
        """
        bad = pc.and_(pc.fill_null(bad, fill_value=True), self._kept)
        count = pc.sum(bad).as_py() or 0
        if not count:
            return False
        first = pc.indices_nonzero(bad)[:_SHOWN].to_pylist()
        examples = [
            str(Place(self._file, self._rows[n].as_py()))
            + (f" {values[n].as_py()}" if values is not None else "")
            for n in first
        ]
        policy = self._findings.count(why, count, examples)
        if policy not in (Policy.KEEP, Policy.ROUND):
            self._kept = pc.and_(self._kept, pc.invert(bad))
        return True
