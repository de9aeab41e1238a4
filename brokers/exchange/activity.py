"""How lively a contract is: how often a feed shows it, how wide and deep its book, how it trades.

Rates follow what conflated Indian feeds show (market_rules.md section 10: about one packet a
second for what everybody watches, three times that in the first minutes; ``protocols/angelone.md``
3.7). Everything that trades hangs on one figure, the distance from the money.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from brokers.exchange.book_maker import Quoting
from engine.model.instrument import Right

INDEX_EVERY_S: Final = 1.0

_FUTURE_EVERY_S: Final = 1.0
_FUTURE_LOTS_PER_S: Final = 22.0
_FUTURE_QUOTING: Final = Quoting(spread=7.0, gap=3.0, lots=5.0)

_BURST: Final = 2.0
_BURST_HOLDS_S: Final = 90.0
_BURST_FADES_S: Final = 80.0
_OPEN_WIDTH: Final = 2.5
_OPEN_WIDTH_FADES_S: Final = 75.0

_NEAR_EVERY_S: Final = 1.35
_NEAR: Final = 0.4
_FAR: Final = 1.5
_DEEP: Final = 0.9
_OUT_SLOWER: Final = 0.75
_IN_SLOWER: Final = 1.8
_QUIET_EVERY_S: Final = (10.0, 60.0)
_MOST_WAITS: Final = 3.0
_SURE_WAIT: Final = 0.4
_NEXT_EXPIRY_SLOWER: Final = 9.0


class Liveliness(NamedTuple):
    """``every_s``: mean time between packets. ``lots_per_s``: mean traded lots a second."""

    every_s: float
    lots_per_s: float
    quoting: Quoting


def rush(since_open_s: float) -> float:
    """Return how many times faster than usual packets come: 3 in the first minutes, then 1."""
    late = max(since_open_s - _BURST_HOLDS_S, 0.0)
    return 1.0 + _BURST * math.exp(-late / _BURST_FADES_S)


def width(since_open_s: float) -> float:
    """Return how many times wider than usual spreads are: 3.5 at the open, then 1."""
    return 1.0 + _OPEN_WIDTH * math.exp(-since_open_s / _OPEN_WIDTH_FADES_S)


def future_liveliness(wide: float) -> Liveliness:
    """Return how lively the future of the month is; ``wide`` multiplies spreads."""
    quoting = _FUTURE_QUOTING._replace(spread=_FUTURE_QUOTING.spread * wide)
    return Liveliness(_FUTURE_EVERY_S, _FUTURE_LOTS_PER_S, quoting)


def option_liveliness(
    right: Right, deviations: float, premium: float, *, is_nearest: bool, wide: float
) -> Liveliness:
    """Return how lively an option is.

    ``deviations`` is how far its strike is above the forward in standard deviations to expiry,
    ``premium`` its value in rupees, ``wide`` what the time of day multiplies spreads by.
    """
    out = deviations if right is Right.CALL else -deviations
    away = max(abs(out) - _NEAR, 0.0)
    quiet_from = _FAR if out > 0.0 else _DEEP
    if abs(out) <= quiet_from:
        every_s = _NEAR_EVERY_S + away * (_OUT_SLOWER if out > 0.0 else _IN_SLOWER)
    else:
        low, high = _QUIET_EVERY_S
        every_s = min(low + 22.0 * (abs(out) - quiet_from), high)
    # Deep options are quoted by few, and against the future instead of against each other.
    deep = 1.0 + 4.0 * max(-out - _NEAR, 0.0)
    slower = 1.0 if is_nearest else _NEXT_EXPIRY_SLOWER
    wider = wide * (1.0 if is_nearest else 1.8)
    spread = (1.0 + 0.016 * premium) * deep * wider
    return Liveliness(
        every_s=every_s * slower,
        lots_per_s=75.0 / (every_s * slower) ** 2,
        quoting=Quoting(
            spread=max(spread, 1.0),
            gap=max(1.0, 0.6 * deep),
            lots=(9.0 + 300.0 / (premium + 4.0)) / (1.0 if is_nearest else 3.0),
        ),
    )


def wait_s(every_s: float, draw: float) -> float:
    """Return a time between packets with about that mean, never beyond 2.2 times it.

    ``draw`` is exponential with mean 1: a feed that conflates has a floor between packets, and
    something to say about a watched contract before long.
    """
    return every_s * (_SURE_WAIT + (1.0 - _SURE_WAIT) * min(draw, _MOST_WAITS))
