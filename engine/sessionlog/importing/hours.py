"""Whether a source's times lie in sessions of its exchange, and which days are refused whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument
from engine.rules.clock_time import clock_text
from engine.rules.sessions import Session, Sessions
from engine.sessionlog.importing.mapping import RowsAre
from engine.sessionlog.importing.sieve import Findings, Why

_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class Hours:
    """Sessions of the days in a source; ``rows`` counts what was read of each day."""

    sessions: Sessions
    rows_are: RowsAre
    findings: Findings
    rows: Counter[int] = field(default_factory=Counter)
    _outside: dict[int, list[tuple[Why, int, int]]] = field(default_factory=dict)
    _instruments: Catalogue = field(default_factory=Catalogue)
    _kinds: list[Instrument] = field(default_factory=list)
    _codes: list[int] = field(default_factory=list)
    _known: dict[tuple[int, int], Session | None] = field(default_factory=dict)
    _unchecked: set[tuple[int, int]] = field(default_factory=set)

    def codes(self, facts: Sequence[InstrumentFacts]) -> pa.Array:
        """Return, by place, a number that contracts with the same hours share."""
        for each in facts[len(self._codes) :]:
            # One contract stands for all of its segment, kind and underlying.
            name = (each.segment, each.kind, each.underlying)
            names = [(i.segment, i.kind, i.underlying) for i in self._kinds]
            if name not in names:
                self._kinds.append(self._instruments.intern(each))
                names.append(name)
            self._codes.append(names.index(name))
        return pa.array(self._codes, pa.int64())

    def outside(self, code: int, day: int, at: pa.Array) -> tuple[pa.Array | None, Why]:
        """Return where ``at`` lies outside the session of ``day`` (since 1970), and what that is.

        ``code`` is of ``codes``. None where no calendar is known: those days are noted and not held
        against one. A snapshot at the very close is of the session; a candle that begins there is
        not.
        """
        session = self._session(code, day)
        if (code, day) in self._unchecked:
            return None, Why.OUTSIDE
        if session is None:
            return pa.repeat(pa.scalar(value=True), len(at)), Why.CLOSED_DAY
        inside = pa.repeat(pa.scalar(value=False), len(at))
        for opens, closes in session.windows_ns():
            before = pc.less_equal if self.rows_are is RowsAre.SNAPSHOTS else pc.less
            here = pc.and_(pc.greater_equal(at, opens), before(at, closes))
            inside = pc.or_(inside, here)
        return pc.invert(inside), Why.OUTSIDE

    def closes(self, place: int, day: date) -> tuple[int, ...]:
        """Return when windows of ``day`` close for the contract at ``place``, ns UTC, in order.

        ``place`` is of ``codes``. Nothing where no calendar is known.
        """
        session = self._session(self._codes[place], day.toordinal() - _EPOCH_DAY)
        return () if session is None else tuple(closes for _, closes in session.windows_ns())

    def seen(self, days: pa.Array) -> None:
        """Count rows by day."""
        for counted in days.value_counts().to_pylist():
            self.rows[counted["values"]] += counted["counts"]

    def tally(self, day: int, why: Why, at: pa.Array) -> None:
        """Remember times outside the session, which will refuse their day."""
        if len(at):
            self._outside.setdefault(day, []).append((why, len(at), pc.max(at).as_py()))

    def refused(self) -> dict[int, str]:
        """Return the days that are refused as a whole, each with its reason."""
        found = {}
        for day, told in sorted(self._outside.items()):
            wrong = sum(count for _, count, _ in told)
            name = date.fromordinal(_EPOCH_DAY + day)
            if told[0][0] is Why.CLOSED_DAY:
                found[day] = f"{name.isoformat()} ({name:%A}): the exchange was closed"
                continue
            last = clock_text(max(at for _, _, at in told), 0)
            hours = self._hours(day)
            found[day] = (
                f"{name.isoformat()} ({name:%A}): {wrong:,} of its {self.rows[day]:,} rows lie "
                f"outside the session ({hours}), the last at {last}: not that day's market"
            )
        return found

    def _hours(self, day: int) -> str:
        for (_, known), session in self._known.items():
            if known == day and session is not None:
                return ", ".join(
                    f"{clock_text(opens, 0)[:5]} to {clock_text(closes, 0)[:5]}"
                    for opens, closes in session.windows_ns()
                )
        return "none"

    def _session(self, code: int, day: int) -> Session | None:
        key = (code, day)
        if key not in self._known:
            try:
                self._known[key] = self.sessions.of(
                    self._kinds[code], date.fromordinal(_EPOCH_DAY + day)
                )
            except FileError as error:
                self._known[key] = None
                self._unchecked.add(key)
                self.findings.note(f"times were not held against a session: {error}")
        return self._known[key]
