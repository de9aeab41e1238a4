"""How often an endpoint may be asked: every window that applies has room, first come, first served.

Orders have the governor (``risk.throttle``), since they compete by lane. This is for the rest:
books, logins, quotes. A limit is of the client, not of a connection (reliability.md 0 F11), so one
of these serves every task that asks.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from engine.rules.clock_time import ns


class Rate(NamedTuple):
    """At most ``requests`` in any ``span_s`` seconds."""

    requests: int
    span_s: float


class RateWindows:
    """Hands out moments. Pure: the caller says what time it is, and waits until what it is told."""

    def __init__(self, *rates: Rate) -> None:
        self._rates = tuple((rate.requests, ns(rate.span_s)) for rate in rates)
        self._taken: deque[int] = deque()
        self._keep = max(requests for requests, _ in self._rates)
        self._penalty_until = 0

    def take(self, now: int) -> int:
        """Take the next free moment, at or after ``now`` (ns UTC), and return it."""
        at = max(now, self._penalty_until, self._taken[-1] if self._taken else 0)
        for requests, span_ns in self._rates:
            if len(self._taken) >= requests:
                at = max(at, self._taken[-requests] + span_ns)
        self._taken.append(at)
        if len(self._taken) > self._keep:
            self._taken.popleft()
        return at

    def penalize(self, now: int, for_s: float) -> None:
        """Hand out nothing for a while: the broker says that we ask too often."""
        self._penalty_until = max(self._penalty_until, now + ns(for_s))
