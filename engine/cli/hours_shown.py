"""The hours of segments as a person reads them: for ``engine check`` and ``engine calendar``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, NamedTuple

from engine.model.instrument import Instrument, Segment
from engine.rules.hours import HOURS, HoursClass, Phase
from engine.rules.sessions import Session, Sessions

CLASS_WORDS: Final = {
    HoursClass.CASH: "shares without derivatives, indices",
    HoursClass.CLOSING_AUCTION: "shares with derivatives",
    HoursClass.FUTURES: "futures",
    HoursClass.OPTIONS: "options",
    HoursClass.NON_AGRI: "not agricultural",
    HoursClass.AGRI_INTERNATIONAL: "cotton, CPO, kapas",
    HoursClass.AGRI: "other agricultural",
}


class Hours(NamedTuple):
    """One session, and the classes of contract that keep it; None where they are closed."""

    segment: Segment
    classes: tuple[HoursClass, ...]
    session: Session | None

    @property
    def whose(self) -> str:
        """The segment, and which of its contracts where that is not all of them."""
        if set(HOURS[self.segment]) == set(self.classes):
            return self.segment
        return f"{self.segment} ({'; '.join(CLASS_WORDS[c] for c in self.classes)})"

    @property
    def words(self) -> str:
        """The windows in clock time, ``09:15-15:40``, or ``closed``."""
        if self.session is None:
            return "closed"
        return ", ".join(span(w.open_s, w.close_s) for w in self.session.windows)


def hours_of(instruments: Iterable[Instrument], day: date, sessions: Sessions) -> tuple[Hours, ...]:
    """Return the hours that ``instruments`` keep, each once. Raises as ``Sessions.session``."""
    used = {(i.segment, sessions.hours_class(i)): None for i in instruments}
    found: list[Hours] = []
    for segment, hours_class in used:
        session = sessions.session(segment, day, hours_class)
        for n, other in enumerate(found):
            if other.segment is segment and _same_hours(other.session, session):
                found[n] = Hours(
                    segment, (*other.classes, hours_class), _with_source(other.session, session)
                )
                break
        else:
            found.append(Hours(segment, (hours_class,), session))
    return tuple(found)


def _same_hours(one: Session | None, other: Session | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.windows, one.name) == (other.windows, other.name)


def _with_source(one: Session | None, other: Session | None) -> Session | None:
    if one is None or other is None or one.source == other.source:
        return one
    sources = dict.fromkeys((*one.source.split("; "), *other.source.split("; ")))
    return one._replace(source="; ".join(sources))


def hours_lines(found: Iterable[Hours]) -> list[str]:
    """Return one line a session: who, when, what kind of day, and where that is written."""
    lines = []
    for hours in found:
        day = "" if hours.session is None else f", {hours.session.name}: {hours.session.source}"
        lines.append(f"{hours.whose} {hours.words}{day}")
    return lines


def hours_json(found: Iterable[Hours]) -> list[dict[str, Any]]:
    """Return the same as plain data."""
    return [
        {
            "segment": hours.segment,
            "contracts": hours.classes,
            "windows": []
            if hours.session is None
            else [[clock(w.open_s), clock(w.close_s)] for w in hours.session.windows],
            "day": None if hours.session is None else hours.session.name,
            "source": None if hours.session is None else hours.session.source,
        }
        for hours in found
    ]


def clock(second: int) -> str:
    """Return a time of day, ``09:15``."""
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def span(opens_s: int, closes_s: int) -> str:
    """Return ``09:15-15:40``."""
    return f"{clock(opens_s)}-{clock(closes_s)}"


def phase_words(phase: Phase) -> str:
    """Return what a phase is, and from when it may end at random."""
    chance = ""
    if phase.random_from_s is not None:
        chance = f" (may end at random from {clock(phase.random_from_s)})"
    return f"{phase.kind}{chance}"
