"""An asyncio loop whose clock is virtual and whose order of turns is the seed's.

Nothing waits: when nobody is ready the clock jumps to the next timer. Among those who are ready a
seeded die chooses, since nothing promises an order between tasks and a bug may hide behind the one
asyncio happens to give. The same seed gives the same run, event for event; ``trace`` proves it.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from hashlib import blake2b
from random import Random
from struct import Struct
from typing import Any, TypeVar

T = TypeVar("T")

PROCESS: ContextVar[int] = ContextVar("PROCESS", default=0)
"""Whose turn it is: the number of the engine's life, 0 for the world outside of it."""
OUTSIDE = Context()
"""What belongs to the world is called in here, even when the engine asked for it."""

START_S = 1_000.0
_TURN = Struct("<qd")
TURNS_MAX = 5_000_000
"""More turns than this in one run is a loop that never rests."""


class Deadlock(Exception):
    """Everybody waits, and no timer is set: nothing will ever happen again."""


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """``time`` is virtual seconds. ``turns`` counts what was run; ``on_turn`` is told before each."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._roll = Random(seed).random
        self._now = START_S
        self._hash = blake2b(digest_size=16)
        self.turns = 0
        self.is_frozen = False
        self._held: list[asyncio.Handle] = []
        self.on_turn: Callable[[int], None] = lambda _: None
        self.failures: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    def time(self) -> float:
        return self._now

    @property
    def trace(self) -> str:
        """A hash of who ran when, so far."""
        return self._hash.hexdigest()

    def note(self, text: str) -> None:
        """Make something part of the trace."""
        self._hash.update(text.encode())

    def freeze(self, seconds: float) -> None:
        """Give the process no turn for so long, while the world goes on: it is stopped, or blocked."""
        self.is_frozen = True
        self.call_later(seconds, self.thaw, context=OUTSIDE)

    def thaw(self) -> None:
        """Let the process go on with everything that fell due meanwhile."""
        self.is_frozen = False
        held, self._held = self._held, []
        self._ready.extend(held)  # type: ignore[attr-defined]

    def _run_once(self) -> None:
        scheduled, ready = self._scheduled, self._ready  # type: ignore[attr-defined]
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready:
            if not scheduled:
                raise Deadlock(f"at {self._now:.3f} s, after {self.turns} turns")
            self._now = max(self._now, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)
        # A deque swaps in constant time at its ends: the chosen one is brought to the front.
        if len(ready) > 1:
            ready.rotate(-int(self._roll() * len(ready)))
        handle = ready.popleft()
        if handle._cancelled:
            return
        if self.is_frozen and handle._context.get(PROCESS):
            self._held.append(handle)
            return
        self.turns += 1
        if self.turns > TURNS_MAX:
            raise Deadlock(f"{self.turns} turns and no end, at {self._now:.3f} s")
        self.on_turn(self.turns)
        self._hash.update(_TURN.pack(self.turns, self._now))
        handle._run()

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector: there is nobody to wake."""

    def _process_events(self, event_list: object) -> None:
        """There is no selector and there are no events of it."""


def run_virtual(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]], seed: int) -> T:
    """Run ``main`` to its end on a loop of its own; tasks it left behind are cancelled."""
    loop = VirtualLoop(seed)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main(loop))
    finally:
        _let_go(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _let_go(loop: VirtualLoop) -> None:
    loop.on_turn = lambda _: None
    loop.thaw()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())


class VirtualClock:
    """The engine's clock on a virtual loop: ns UTC from ``start_ns``, plus a skew of the machine."""

    def __init__(self, loop: VirtualLoop, start_ns: int) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self.skew_ns = 0
        self._asked_at, self._true_ns = START_S, start_ns

    def now(self) -> int:
        return self.true_ns() + self.skew_ns

    def true_ns(self) -> int:
        """What everybody else's clock says."""
        at = self._loop.time()
        if at != self._asked_at:
            self._asked_at = at
            self._true_ns = self._start_ns + round((at - START_S) * 1e9)
        return self._true_ns
