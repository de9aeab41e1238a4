"""What a restart means for what was under way, and when work goes on (reliability.md 2.5, 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from engine.core.blotter import STANDS_THOUGH_ENDED, Blotter
from engine.core.books import Books
from engine.core.desk import Desk
from engine.core.entering import ENTERING
from engine.core.group import Group, Part
from engine.core.leaving import LEAVING
from engine.core.placement import Placement
from engine.core.seat import Seat
from engine.model.amend_state import AmendTrigger
from engine.model.event import KillMode, KillTripped
from engine.model.legs import GroupState
from engine.model.order import AmendState, Fill, Lifecycle, Order
from engine.model.order_state import Trigger
from engine.model.record import OrderFilled
from engine.model.verdict import Anomaly
from engine.rules.clock_time import NS_PER_S

ENTRY_GAP_S: Final = 60.0
"""After a longer absence an entry is not gone on with: its price and its reason are stale."""

_UNSENT: Final = (Lifecycle.INTENT, Lifecycle.APPROVED)
_CANCEL_AGAIN: Final = (AmendState.WANTED, AmendState.IN_DOUBT)


class Recovery:
    """Keeps groups at rest from a restart until every account's books have been weighed.

    Strategies hear nothing meanwhile. ``reroute`` lets one have prices again; ``tell`` calls
    something once what is under way has been done; ``tell_of`` says how a group stands, if that is
    new to its strategy.
    """

    def __init__(
        self,
        desk: Desk,
        blotter: Blotter,
        placement: Placement,
        seats: Mapping[str, Seat],
        reroute: Callable[[Seat], None],
        tell: Callable[[Callable[[], None]], None],
        tell_of: Callable[[Seat, Group], None],
    ) -> None:
        self._desk = desk
        self._blotter = blotter
        self._placement = placement
        self._seats = seats
        self._reroute = reroute
        self._tell = tell
        self._tell_of = tell_of
        self._left_at = 0
        self._untold: tuple[Fill, ...] = ()
        self._cut_off: tuple[Callable[[], None], ...] = ()
        self.kills: list[KillTripped] = []
        self.is_on = False

    def begin(
        self, untold: Iterable[Fill] = (), cut_off: Iterable[Callable[[], None]] = ()
    ) -> None:
        """Note that a journal was taken up, and when it ended.

        ``untold``: the fills of which it has the order's record and not their own. ``cut_off``: the
        halts of which it has the reason and not the record; they come before all else, so that a
        journal with anything behind the reason has the halt as well.
        """
        self.is_on = True
        self._untold = tuple(untold)
        self._cut_off = tuple(cut_off)
        self._left_at = self._desk.now
        self._placement.is_paused = True
        for seat in self._seats.values():
            seat.is_recovering = True
            self._reroute(seat)

    def start(self, books: Books) -> None:
        """Settle what stood half done when the engine stopped; ask for every account's books."""
        if self.is_on:
            desk = self._desk
            for halt in self._cut_off:
                halt()
            for fill in self._untold:
                desk.keep(OrderFilled(desk.now, desk.kseq, fill))
            for order in list(self._blotter.live.values()):
                self._settle(order)
            for group in list(self._placement.groups.values()):
                if group.state is GroupState.DRAFT:
                    self._placement.exit(group, "the engine restarted before risk had judged it")
                for part in group.parts.values():
                    if part.state.is_terminal and not part.is_flat:
                        # A crash came between the record of a late fill and that of the move.
                        self._placement.reopen(part, "filled late, just before the engine stopped")
            self._stop_again()
        books.start()
        self.settled(books)

    def settled(self, books: Books) -> None:
        """Go on with what was taken up, once no account's books are still to be weighed."""
        if not self.is_on or books.is_reading:
            return
        self.is_on = False
        self._placement.is_paused = False
        away_s = (self._desk.now - self._left_at) / NS_PER_S
        for group in list(self._placement.groups.values()):
            entering = any(part.state in ENTERING for part in group.parts.values())
            if entering and away_s > ENTRY_GAP_S:
                why = f"the engine was away for {away_s:.0f} s while it was entered"
                self._desk.alert("critical", group.group_id, f"held as far as it filled: {why}")
                self._placement.cancel(group, why)
            self._placement.look_again(group)
        for seat in self._seats.values():
            self._tell(partial(self._recovered, seat))

    def _recovered(self, seat: Seat) -> None:
        seat.recover()
        self._reroute(seat)
        for group in list(self._placement.groups.values()):
            if group.strategy == seat.strategy_id:
                self._tell_of(seat, group)

    def _stop_again(self) -> None:
        """Carry out the halts and kills of before as far as the stop of the engine cut them off."""
        placement = self._placement
        for seat in self._seats.values():
            if not seat.is_halted:
                continue
            why = f"its strategy was halted: {seat.halted_why}"
            for group in placement.of_strategy(seat.strategy_id):
                if seat.config.exits_on_error:
                    placement.exit(group, why)
                elif any(part.state in ENTERING for part in group.parts.values()):
                    placement.cancel(group, why)
        for kill in self.kills:
            flattens = kill.mode is KillMode.FLATTEN
            parts = (p for g in placement.groups.values() for p in g.parts.values())
            if kill.mode is not KillMode.BLOCK_NEW and any(
                _goes_on(part, flattens=flattens) for part in parts
            ):
                placement.kill(f"killed: {kill.why}", scope=kill.scope, flattens=flattens)

    def _settle(self, order: Order) -> None:
        """Say what the stop meant for one order: what may have been sent is in doubt."""
        blotter = self._blotter
        if order.lifecycle in _UNSENT:
            why = "the engine restarted before it was sent"
            blotter.advance(order.client_id, Trigger.DENY, why)
            return
        if order.lifecycle is Lifecycle.SENDING:
            why = "the engine stopped while it was sent"
            blotter.advance(order.client_id, Trigger.REPLY_AMBIGUOUS, why)
        amend = order.amend
        if amend is None:
            if Anomaly.RESURRECTED in order.anomalies:
                # Its cancel is behind it in the journal, and was lost with the end of it.
                blotter.cancel(order.client_id, STANDS_THOUGH_ENDED)
            return
        if amend.state is AmendState.SENDING:
            why = "the engine stopped while it was sent"
            blotter.settle_amend(order.client_id, AmendTrigger.REPLY_AMBIGUOUS, why)
        elif order.cancel_state in _CANCEL_AGAIN:
            blotter.cancel_again(order.client_id)
        elif amend.state is AmendState.WANTED:
            why = "the engine restarted before it was sent"
            blotter.settle_amend(order.client_id, AmendTrigger.ABORTED, why)


def _goes_on(part: Part, *, flattens: bool) -> bool:
    """Say whether a part stands as if no kill had reached it."""
    state = part.state_once_known
    if state is None or state.is_terminal or state is GroupState.STRANDED:
        return False
    return state not in (LEAVING if flattens else (GroupState.KILLED,))
