"""Notices that a live feed has gone silent while nothing else happens, and that it speaks again.

A feed that is dead sends nothing, so only a clock can tell. The rule is that of a recording
(``engine.runtime.silence``): silence is a fault while something trades. It counts from when
anything was asked for, so that a feed which never says a word is noticed as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from engine.model.event import FeedHealthChanged, HealthState
from engine.rules.clock_time import NS_PER_S, ns
from engine.runtime.silence import SilenceRule

DEAD_AFTER_S: Final = 60.0
"""A silence that lasts for so much longer is told once more."""
LOOK_NS: Final = NS_PER_S
ANY_FEED: Final = "feed"
"""What all feeds are called together where they were not named beforehand."""


class FeedWatch:
    """Judges the silence of every feed, once a second; ``next_at`` (ns) is when to ``look``.

    ``names`` are the sources that must be heard of; with none, one of any name is. ``is_wanted``
    says whether anything was asked of the feeds: with nothing asked nothing is missed.
    """

    def __init__(
        self, names: Iterable[str], rule: SilenceRule, is_wanted: Callable[[], bool], now: int
    ) -> None:
        self._rule = rule
        self._is_wanted = is_wanted
        self._last: dict[str, int] = dict.fromkeys(tuple(names) or (ANY_FEED,), 0)
        self._states: dict[str, HealthState] = {}
        self._wanted_since = now
        self.next_at = now

    def heard(self, source: str, now: int) -> None:
        """A tick or a book came."""
        self._last[ANY_FEED if ANY_FEED in self._last else source] = now

    def look(self, now: int) -> list[FeedHealthChanged]:
        """Return the feeds whose health is another one at ``now``."""
        self.next_at = now + LOOK_NS
        if not self._is_wanted():
            self._wanted_since = now
            return []
        changes = []
        for source, last in self._last.items():
            since = max(last, self._wanted_since)
            silent_at = self._rule.due(since)
            if now >= silent_at:
                is_dead = now >= silent_at + ns(DEAD_AFTER_S)
                state = HealthState.DEAD if is_dead else HealthState.STALE
                why = f"nothing came for {(now - since) / NS_PER_S:.0f} s"
            elif last and now < self._rule.due(last):
                state, why = HealthState.FRESH, "prices come"
            else:
                continue
            if state is not self._states.get(source):
                self._states[source] = state
                changes.append(FeedHealthChanged(source, state, why))
        return changes
