"""The forward that a chain itself implies, by put-call parity.

A call less a put of one strike is the discounted distance of the forward from that strike, for
European options and whatever the model. Every strike with two prices therefore names a forward;
near the money both prices are liquid and hardly anything is lost to their ticks. One stale price
spoils one of them, so the answer is their median, weighted by how narrow the quotes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

STRIKES: Final = 7
"""So many strikes, those nearest the forward, name it."""
QUOTED_MIN: Final = 3
"""From so many strikes with bids and offers on both sides on, last prices are not heard."""
LEAST_SPREAD: Final = 0.05
"""Rupees: no quotes are narrower than the tick of an option."""
_PASSES: Final = 4


class Pair(NamedTuple):
    """The call and the put of one strike, rupees a unit.

    ``spread`` is the sum of both bid-offer spreads, None where one price is only a last price.
    """

    strike: float
    call: float
    put: float
    spread: float | None


class ParityForward(NamedTuple):
    """The forward, and how many strikes it is the median of."""

    price: float
    strikes: int


def parity_forward(
    pairs: Sequence[Pair], near: float | None, discount: float = 1.0
) -> ParityForward | None:
    """Return the forward that ``pairs`` imply, None without pairs.

    ``near`` is where to look first (the spot); None starts where call and put are closest. The
    strikes nearest the answer are those that count, so it is found again until they stay the same.
    """
    quoted = [pair for pair in pairs if pair.spread is not None]
    if len(quoted) >= QUOTED_MIN:
        pairs = quoted
    if not pairs:
        return None
    if near is None:
        near = min(pairs, key=lambda pair: (abs(pair.call - pair.put), pair.strike)).strike
    chosen: list[Pair] = []
    forward = near
    for _ in range(_PASSES):
        centre = forward
        before = chosen
        nearest = sorted(pairs, key=lambda pair: (abs(pair.strike - centre), pair.strike))
        chosen = nearest[:STRIKES]
        if chosen == before:
            break
        forward = _median(chosen, discount)
    return ParityForward(forward, len(chosen))


def _median(pairs: Sequence[Pair], discount: float) -> float:
    """Return the median of the forwards named, each weighted by one over its spread."""
    are_quoted = all(pair.spread is not None for pair in pairs)
    named = sorted(
        (
            pair.strike + (pair.call - pair.put) / discount,
            1.0 / max(pair.spread or 0.0, LEAST_SPREAD) if are_quoted else 1.0,
        )
        for pair in pairs
    )
    half = sum(weight for _, weight in named) / 2.0
    reached = 0.0
    for number, (forward, weight) in enumerate(named):
        reached += weight
        if reached == half:
            return (forward + named[number + 1][0]) / 2.0
        if reached > half:
            return forward
    return named[-1][0]
