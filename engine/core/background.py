"""Work a strategy awaits beside the kernel: what to call when its result comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.core.desk import Desk
from engine.core.seat import Seat
from engine.model.event import BackgroundDone


class Background:
    """Remembers who asked, by token."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked = 0
        self._waiting: dict[int, tuple[Seat, Callable[[Any], None]]] = {}

    def expect(self, seat: Seat, then: Callable[[Any], None]) -> int:
        """Remember what to call, and return the token that the result will carry."""
        self._asked += 1
        self._waiting[self._asked] = (seat, then)
        return self._asked

    def done(self, event: BackgroundDone) -> None:
        """Call who asked with the result; an error is told instead."""
        seat, then = self._waiting.pop(event.token)
        if event.result is None:
            self._desk.alert("warning", event.strategy, f"background work failed: {event.error}")
            return
        name = getattr(then, "__name__", "background")
        seat.call(name, then, msgspec.json.decode(event.result))
