"""The bus: two bounded lanes into the kernel, and copies for whoever else listens.

The order lane (orders, fills, risk, kill) is never conflated and never drops: at its bound it
refuses more order updates and says that a snapshot is needed, which is lossless because the
snapshot is the truth (reliability.md section 5, two lanes). The market lane keeps the newest tick
per instrument and whole second while the kernel is behind; the slot carries first, low, high and
count, so that bars of a second or more stay exact.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from engine.model.event import Event, OrderUpdated
from engine.model.market import Depth, Span, Tick
from engine.rules.clock_time import NS_PER_S

ORDER_LANE_MAX = 10_000
MARKET_LANE_MAX = 100_000
LISTENER_MAX = 1_024


class Listener:
    """Copies of some events for one consumer; at its bound the oldest are dropped, and counted."""

    def __init__(self, kinds: tuple[type, ...], bound: int) -> None:
        self.kinds = kinds
        self.dropped = 0
        self._bound = bound
        self._queue: deque[Any] = deque()
        self._ready = asyncio.Event()
        self._is_closed = False

    def offer(self, event: Any) -> None:
        """Take a copy, dropping the oldest at the bound."""
        if len(self._queue) >= self._bound:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(event)
        self._ready.set()

    def take(self) -> list[Any]:
        """Return and forget everything that waits."""
        taken = list(self._queue)
        self._queue.clear()
        self._ready.clear()
        return taken

    def close(self) -> None:
        """End the iteration over this listener once it is empty."""
        self._is_closed = True
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._is_closed:
                return
            self._ready.clear()
            await self._ready.wait()


class Bus:
    """One per run. ``publish`` and ``publish_tick`` are called on the loop's own thread."""

    def __init__(
        self, *, order_lane_max: int = ORDER_LANE_MAX, market_lane_max: int = MARKET_LANE_MAX
    ) -> None:
        self._orders: deque[Event] = deque()
        self._market: dict[tuple[int, int], Tick | Depth] = {}
        self._order_lane_max = order_lane_max
        self._market_lane_max = market_lane_max
        self._listeners: dict[type, tuple[Listener, ...]] = {}
        self._ready = asyncio.Event()
        self.needs_snapshot = False
        self.conflated = 0
        self.coarse = 0

    def __len__(self) -> int:
        return len(self._orders) + len(self._market)

    @property
    def has_orders(self) -> bool:
        """True while something waits in the order lane."""
        return bool(self._orders)

    def publish(self, event: Event) -> bool:
        """Put an event in the order lane; False, and ``needs_snapshot``, at its bound.

        Only what a snapshot tells again is refused: replies, snapshots and kills always fit.
        """
        if len(self._orders) >= self._order_lane_max and isinstance(event, OrderUpdated):
            self.needs_snapshot = True
            return False
        self._orders.append(event)
        self._ready.set()
        return True

    def publish_tick(self, tick: Tick) -> None:
        """Put a tick in the market lane, over an undelivered one of the same whole second.

        At the lane's bound it goes over the instrument's newest slot of whatever second, which is
        counted in ``coarse``: bars of that instrument may then move trades between seconds.
        """
        key = (tick.instrument.index, tick.received_at // NS_PER_S)
        before = self._market.get(key)
        if before is None and len(self._market) >= self._market_lane_max:
            key = next((k for k in reversed(self._market) if k[0] == tick.instrument.index), key)
            before = self._market.get(key)
            self.coarse += 1
        if isinstance(before, Tick):
            self.conflated += 1
            tick = conflate(before, tick)
        self._market[key] = tick
        self._ready.set()

    def publish_depth(self, depth: Depth) -> None:
        """Put a book in the market lane, over an undelivered one of the same instrument."""
        self._market[~depth.instrument.index, 0] = depth
        self._ready.set()

    def next(self) -> Event | None:
        """Return the next event, order lane first, or None when nothing waits."""
        if self._orders:
            return self._orders.popleft()
        if self._market:
            return self._market.pop(next(iter(self._market)))
        return None

    async def wait(self) -> None:
        """Return when something waits, or once ``wake`` was called."""
        if not self._orders and not self._market:
            self._ready.clear()
            await self._ready.wait()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._ready.set()

    def subscribe(self, *kinds: type, bound: int = LISTENER_MAX) -> Listener:
        """Return a listener that gets a copy of every event of these classes."""
        listener = Listener(kinds, bound)
        for kind in kinds:
            self._listeners[kind] = (*self._listeners.get(kind, ()), listener)
        return listener

    def unsubscribe(self, listener: Listener) -> None:
        """Give no more copies to a listener, and close it."""
        for kind in listener.kinds:
            self._listeners[kind] = tuple(x for x in self._listeners[kind] if x is not listener)
        listener.close()

    def tell(self, event: Any) -> None:
        """Give copies of what was just handled, or said, to the listeners."""
        for listener in self._listeners.get(event.__class__, ()):
            listener.offer(event)

    def hears(self, kind: type) -> bool:
        """Return True when anybody listens to this class of events."""
        return bool(self._listeners.get(kind))


def conflate(before: Tick, after: Tick) -> Tick:
    """Return ``after`` standing for both: the span of first, low, high and count is joined."""
    first, low, high, count = before.span or (before.last, before.last, before.last, 1)
    _, newer_low, newer_high, newer_count = after.span or (after.last, after.last, after.last, 1)
    span = Span(first, min(low, newer_low), max(high, newer_high), count + newer_count)
    return msgspec.structs.replace(after, span=span)
