"""How good a feed was: frames, silences, frames that could not be read, how late they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from engine.model.event import FeedHealthChanged, HealthState

_NS_PER_MS: Final = 1_000_000


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A measure in figures, milliseconds; percentiles are of the nearest rank.

    All but ``count`` are None where nothing was measured.
    """

    what: str
    count: int
    least_ms: float | None
    median_ms: float | None
    p95_ms: float | None
    longest_ms: float | None

    @classmethod
    def of(cls, what: str, durations_ns: Iterable[int]) -> Spread:
        """Return the spread of some durations (ns)."""
        counts = Counter(durations_ns)
        return cls._ranked(what, counts, _NS_PER_MS)

    @classmethod
    def of_counts(cls, what: str, counts: Counter[int]) -> Spread:
        """Return the spread of durations counted by whole milliseconds."""
        return cls._ranked(what, counts, 1)

    @classmethod
    def _ranked(cls, what: str, counts: Counter[int], per_ms: int) -> Spread:
        ordered = sorted(counts.items())
        total = counts.total()

        def rank(share: float) -> float | None:
            passed = 0
            for value, count in ordered:
                passed += count
                if passed >= share * total:
                    return round(value / per_ms, 3)
            return None

        return cls(
            what=what,
            count=total,
            least_ms=rank(0.0),
            median_ms=rank(0.5),
            p95_ms=rank(0.95),
            longest_ms=rank(1.0),
        )


class FeedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a feed was not fresh. ``until`` is the session's end when it stayed so."""

    source: str
    state: HealthState
    why: str
    at: int
    until: int


class FeedQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What of the recording the session saw. ``bad`` holds the first few frames not understood.

    ``other_frames`` carried no tick (text, books alone). ``lag`` is receive time less the
    exchange's own stamp, which has whole seconds; it may be negative where clocks differ.
    """

    frames: int
    bad_frames: int
    other_frames: int
    bad: tuple[str, ...]
    first_at: int | None
    last_at: int | None
    longest_silence_s: float | None
    longest_silence_at: int | None
    spans: tuple[FeedSpan, ...]
    lag: Spread


def stale_spans(
    changes: Sequence[tuple[int, FeedHealthChanged]], until: int
) -> tuple[FeedSpan, ...]:
    """Return when each feed was not fresh, from its changes of health (ns UTC, in order)."""
    spans: list[FeedSpan] = []
    since: dict[str, tuple[int, FeedHealthChanged]] = {}
    for at, change in changes:
        before = since.pop(change.source, None)
        if before is not None:
            spans.append(_span(before, at))
        if change.state is not HealthState.FRESH:
            since[change.source] = (at, change)
    spans.extend(_span(before, until) for before in since.values())
    return tuple(sorted(spans, key=lambda span: span.at))


def _span(since: tuple[int, FeedHealthChanged], until: int) -> FeedSpan:
    at, change = since
    return FeedSpan(source=change.source, state=change.state, why=change.why, at=at, until=until)
