"""Holds open positions against the loss limits, at most once a second while there are any.

Driven by ticks, not by a timer: without a new price no loss grows.

A broken limit is told once, until a person arms its scope. Arming accepts the loss as it is then:
the limit is broken anew when the loss has grown by ``DEEPER`` of it since, or when it was whole
again in between. Otherwise arming would last for a second, or the next break would be nobody's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from engine.core.desk import Desk
from engine.core.ledger import Held
from engine.core.timers import NEVER
from engine.ports import Breach, RiskGate, RiskView
from engine.rules.clock_time import NS_PER_S

LOSS_WATCH_NS = NS_PER_S
DEEPER: Final = 0.5
"""Share of a limit by which an accepted loss must grow; C19 goes from 2 to 3 percent as well."""


_Floor = tuple[float, list[Held], float]
"""Of one limit: rupees realised, what is held, and the profit and loss at which it breaks."""

_NOT_KNOWN: Final[tuple[_Floor, ...]] = ((0.0, [], math.inf),)
"""Nothing is known to be whole: a limit that is broken at any price."""


class LossWatch:
    """``on_breach`` is told of each limit that breaks. ``next_at`` (ns) is when to ``look``.

    ``floors``: where each limit stands, as long as all are known to be whole.
    """

    __slots__ = (
        "_accepted",
        "_desk",
        "_gate",
        "_mark",
        "_on_breach",
        "_ticks",
        "_told",
        "_view",
        "floors",
        "next_at",
    )

    def __init__(
        self, desk: Desk, gate: RiskGate, view: RiskView, on_breach: Callable[[Breach], None]
    ) -> None:
        self._desk = desk
        self._ticks = desk.book.ticks
        self._mark = desk.ledger.mark
        self._gate = gate
        self._view = view
        self._on_breach = on_breach
        self._told: set[str] = set()
        self._accepted: dict[str, float] = {}
        self.floors = _NOT_KNOWN
        self.next_at = NEVER

    def wake(self) -> None:
        """Something was filled: look at the next tick, and every second from then on."""
        self.floors = _NOT_KNOWN
        self.next_at = min(self.next_at, self._desk.now)

    def is_quiet(self) -> bool:
        """Take the look of ``Desk.look_at`` where nothing comes of it, as of most in a day.

        The limits are held as the last whole ``look`` found them, which was that none is broken.
        False where one is now, after a fill or an arming, and while a group waits for prices. Only
        floats are looked at, so that no arithmetic has to be set up. The compiled frame loop does
        the same by itself (``looked`` in ``engine/runtime/hot_path/compiled.c``).
        """
        desk = self._desk
        if not desk.look_at or self._is_broken(self.floors):
            return False
        self.next_at = desk.look_at = desk.now + LOSS_WATCH_NS
        return True

    def look(self) -> None:
        """Hold profit and loss against every limit now; rest while nothing is held.

        Held by a strategy: two that stand against each other in one account each have their limit.
        So has each account, whatever another one earns meanwhile.
        """
        is_held = self._desk.ledger.holds_any()
        self.next_at = self._desk.now + LOSS_WATCH_NS if is_held else NEVER
        self.floors = floors = self._whole() if is_held else _NOT_KNOWN
        if floors is not _NOT_KNOWN and not self._accepted and not self._is_broken(floors):
            return  # No words have to be found for anything.
        breaches = self._gate.breaches(self._view)
        if breaches:
            self.floors = _NOT_KNOWN
        if breaches or self._accepted:
            self._weigh({breach.scope: breach for breach in breaches})

    def _is_broken(self, floors: tuple[_Floor, ...]) -> bool:
        for realised, held, floor in floors:
            if realised + self._mark(held, self._ticks) <= floor:
                return True
        return False

    def _weigh(self, found: dict[str, Breach]) -> None:
        """Tell of what is broken and was neither told nor accepted."""
        for scope in [scope for scope in self._accepted if scope not in found]:
            del self._accepted[scope]
        for scope, breach in found.items():
            accepted = self._accepted.get(scope)
            if scope in self._told or (accepted is not None and breach.pnl_inr > accepted):
                continue
            self._told.add(scope)
            self._accepted.pop(scope, None)
            self._on_breach(breach)

    def _whole(self) -> tuple[_Floor, ...]:
        """Return where each limit stands until the next fill, which wakes the watch."""
        standing = self._desk.ledger.standing
        floors = tuple(
            (*stands, -float(limit.limit_inr))
            for limit in self._gate.loss_limits(self._view)
            if (stands := standing(limit.strategy, limit.account)) is not None
        )
        return floors or _NOT_KNOWN

    def arm(self, scope: str) -> None:
        """A person lifts what the broken limit of a scope brought; the loss may not grow much."""
        if scope not in self._told:
            return
        self._told.remove(scope)
        self.floors = _NOT_KNOWN
        for breach in self._gate.breaches(self._view):
            if breach.scope == scope:
                self._accepted[scope] = breach.pnl_inr - DEEPER * breach.limit_inr
