"""Holds open positions against the loss limits, at most once a second while there are any.

Driven by ticks, not by a timer: without a new price no loss grows.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core.desk import Desk
from engine.core.timers import NEVER
from engine.ports import Breach, RiskGate, RiskView
from engine.rules.clock_time import NS_PER_S

LOSS_WATCH_NS = NS_PER_S


class LossWatch:
    """``on_breach`` is told once of each broken limit. ``next_at`` (ns) is when to ``look``."""

    def __init__(
        self, desk: Desk, gate: RiskGate, view: RiskView, on_breach: Callable[[Breach], None]
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._view = view
        self._on_breach = on_breach
        self._told: set[str] = set()
        self.next_at = NEVER

    def wake(self) -> None:
        """Something was filled: look at the next tick, and every second from then on."""
        self.next_at = min(self.next_at, self._desk.now)

    def look(self) -> None:
        """Hold profit and loss against every limit now; rest while nothing is held.

        Held by a strategy: two that stand against each other in one account each have their limit.
        So has each account, whatever another one earns meanwhile.
        """
        for breach in self._gate.breaches(self._view):
            if breach.scope not in self._told:
                self._told.add(breach.scope)
                self._on_breach(breach)
        is_held = self._desk.ledger.holds_any()
        self.next_at = self._desk.now + LOSS_WATCH_NS if is_held else NEVER
