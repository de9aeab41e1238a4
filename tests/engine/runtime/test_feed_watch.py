"""A feed that says nothing is noticed by the clock alone: each by itself, from the start on."""

from __future__ import annotations

from datetime import time

import pytest

from engine.core.trading_time import TradingTime
from engine.model.event import FeedHealthChanged
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.rules.sessions import Sessions
from engine.runtime.feed_watch import FeedWatch
from engine.runtime.silence import Silence
from engine.testing import TRADING_DATE, nifty_chain


class Watched:
    """A watch begun at ``clock``, and what it said."""

    def __init__(self, *names: str, clock: str = "10:00:00") -> None:
        catalogue = nifty_chain()
        trading = TradingTime(catalogue, Sessions(), TRADING_DATE)
        ticks = [None] * len(catalogue)
        self.is_wanted = True
        self.now = at_ns(TRADING_DATE, time.fromisoformat(clock))
        self.said: list[FeedHealthChanged] = []
        rule = Silence(catalogue, trading, ticks, TRADING_DATE, 10.0)
        self.watch = FeedWatch(names, rule, lambda: self.is_wanted, self.now)

    def pass_by(self, seconds: int, *speaking: str) -> list[str]:
        """Let seconds pass in which these feeds speak; return what was said of which."""
        before = len(self.said)
        for _ in range(seconds):
            self.now += NS_PER_S
            for source in speaking:
                self.watch.heard(source, self.now)
            if self.watch.next_at <= self.now:
                self.said += self.watch.look(self.now)
        return [f"{change.source} {change.state}" for change in self.said[before:]]


def test_one_that_never_says_a_word_is_noticed() -> None:
    watched = Watched()
    assert watched.pass_by(9) == []
    assert watched.pass_by(1) == ["feed STALE"]
    assert watched.pass_by(59) == []
    assert watched.pass_by(1) == ["feed DEAD"]
    assert watched.pass_by(600) == []
    assert watched.said[0].why == "nothing came for 10 s"


def test_one_that_falls_silent_and_speaks_again_is_told_of_both() -> None:
    watched = Watched()
    assert watched.pass_by(30, "angel") == ["feed FRESH"]
    assert watched.pass_by(11) == ["feed STALE"]
    assert watched.pass_by(5, "angel") == ["feed FRESH"]


def test_of_two_that_are_named_the_silent_one_is_noticed() -> None:
    watched = Watched("angel", "alice")
    assert watched.pass_by(12, "angel") == ["angel FRESH", "alice STALE"]
    assert watched.pass_by(20, "angel", "alice") == ["alice FRESH"]
    assert watched.pass_by(11, "alice") == ["angel STALE"]


@pytest.mark.parametrize(
    ("clock", "seconds", "said"),
    [
        ("08:30:00", 45 * 60 + 9, []),
        ("08:30:00", 45 * 60 + 10, ["feed STALE"]),
        ("15:41:00", 3_600, []),
    ],
)
def test_silence_counts_only_while_something_trades(
    clock: str, seconds: int, said: list[str]
) -> None:
    assert Watched(clock=clock).pass_by(seconds) == said


def test_with_nothing_asked_nothing_is_missed() -> None:
    watched = Watched()
    watched.is_wanted = False
    assert watched.pass_by(300) == []
    watched.is_wanted = True
    assert watched.pass_by(9) == []
    assert watched.pass_by(1) == ["feed STALE"]
