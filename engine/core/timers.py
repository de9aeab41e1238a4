"""The kernel's own timers: a heap of (due, seq), so that equal times fire in order of asking."""

from __future__ import annotations

import heapq
from collections.abc import Callable

NEVER = 1 << 62
"""A time no session reaches, for comparisons that need no special case."""


class Timer:
    """One appointment. ``cancel`` takes it back; ``due`` is ns UTC.

    ``is_pending`` until it has fired or was cancelled. ``on_cancel`` is told that it was: whoever
    waits for it may wait for the one behind it.
    """

    __slots__ = ("_call", "_on_cancel", "due", "is_pending")

    def __init__(self, due: int, call: Callable[[], None], on_cancel: Callable[[], None]) -> None:
        self.due = due
        self._call = call
        self._on_cancel = on_cancel
        self.is_pending = True

    def cancel(self) -> None:
        """Take it back; a second time does nothing."""
        if self.is_pending:
            self.is_pending = False
            self._on_cancel()

    def fire(self) -> None:
        """Do what was asked, once."""
        if self.is_pending:
            self.is_pending = False
            self._call()


class Timers:
    """All appointments of one kernel. ``next_due`` is what the runner compares each frame with.

    ``on_add`` is told of every new one, so that whoever compares knows to look again.
    """

    def __init__(self, on_add: Callable[[], None] = lambda: None) -> None:
        self._on_add = on_add
        self._heap: list[tuple[int, int, Timer]] = []
        self._asked = 0
        self.next_due = NEVER

    def add(self, due: int, call: Callable[[], None]) -> Timer:
        """Call ``call`` once at ``due`` (ns UTC); one in the past fires at the next event."""
        timer = Timer(due, call, self._prune)
        self._asked += 1
        heapq.heappush(self._heap, (due, self._asked, timer))
        self.next_due = self._heap[0][0]
        self._on_add()
        return timer

    def fire_due(self, now: int) -> None:
        """Fire every appointment due at or before ``now``, those they make included."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            heapq.heappop(heap)[2].fire()
        self._prune()

    def _prune(self) -> None:
        """Forget those that were taken back, as far as they are next."""
        heap = self._heap
        while heap and not heap[0][2].is_pending:
            heapq.heappop(heap)
        self.next_due = heap[0][0] if heap else NEVER
