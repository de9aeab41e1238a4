"""What may be done to one account's share of a group, whichever way it is going."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from engine.core.blotter import Blotter
from engine.core.client_ids import ClientIds
from engine.core.desk import Desk
from engine.core.group import Group, LegRun, Part
from engine.model.command import Lane
from engine.model.legs import GroupState, LegRole
from engine.model.legs_state import GroupTrigger, move
from engine.model.order import (
    AmendState,
    ChildKey,
    Order,
    OrderRequest,
    OrderType,
    Purpose,
)
from engine.model.record import GroupMoved
from engine.rules.clock_time import ns

ENTRY_LIVES_S = 2.0
"""How long an unsent entry is still wanted (reliability.md 2.3): stale entries never go out."""
EXIT_LIVES_S = 30.0
"""How long an unsent exit is still wanted."""
CANCEL_RETRY_S = 1.0
"""Pause before a cancel that was refused is asked for again."""

GIVEN_UP = (GroupState.PARTIAL_HELD, GroupState.KILLED)
"""Nothing is sent for these any more, and something may be held."""
NOT_WORKED = (*GIVEN_UP, GroupState.STRANDED)
"""Nothing of these is to fill any more: like those that are over, but something may be held."""
_NOT_ENTERED = (*NOT_WORKED, GroupState.UNWINDING, GroupState.EXITING)
_NOT_LEFT = (GroupState.KILLED, GroupState.STRANDED)


class Workbench:
    """Shared by everything that works parts. ``dirty`` holds the parts something happened to."""

    def __init__(
        self,
        desk: Desk,
        blotter: Blotter,
        client_ids: ClientIds,
        on_group: Callable[[Group], None],
    ) -> None:
        self.desk = desk
        self.blotter = blotter
        self._ids = client_ids
        self._on_group = on_group
        self.dirty: dict[Part, None] = {}

    def request(
        self,
        part: Part,
        leg: LegRun,
        quantity: int,
        price: Decimal,
        *,
        is_exit: bool,
        slice_number: int | None = None,
    ) -> OrderRequest:
        """Make the next child order of a leg, or with ``slice_number`` one that is only judged."""
        desk = self.desk
        plan = part.group.plan
        if is_exit:
            purpose = Purpose.UNWIND if part.state is GroupState.UNWINDING else Purpose.EXIT
            if part.flattens:
                purpose = Purpose.FLATTEN
            key = ChildKey(
                plan.group_id,
                leg.plan.number,
                part.account,
                leg.exit_slice,
                leg.exit_attempt,
                exit=True,
            )
            decision = desk.book.fair(leg.instrument)
        else:
            purpose = Purpose.HEDGE if leg.plan.role is LegRole.HEDGE else Purpose.ENTRY
            number = leg.slice if slice_number is None else slice_number
            key = ChildKey(plan.group_id, leg.plan.number, part.account, number, leg.attempt)
            decision = leg.decision_price
        lives = EXIT_LIVES_S if is_exit else ENTRY_LIVES_S
        # A plan that is only judged is never sent, so it takes no number from the day's ids.
        client_id = "" if slice_number is not None else self._ids.next()
        return OrderRequest(
            client_id=client_id,
            key=key,
            strategy=plan.strategy,
            instrument=leg.instrument,
            side=leg.plan.side.opposite if is_exit else leg.plan.side,
            quantity=quantity,
            order_type=OrderType.LIMIT if is_exit else leg.plan.order_type,
            price=price,
            trigger_price=None if is_exit else leg.plan.trigger,
            product=plan.product,
            purpose=purpose,
            decision_price=decision,
            created_at=desk.now,
            expires_at=desk.now + ns(lives),
        )

    def cancel_working(self, part: Part, reason: str, *, entries: bool, lane: Lane) -> None:
        """Take back what works; a cancel that was refused is asked for again after a pause."""
        for leg in part.legs:
            live = leg.live_entries if entries else leg.live_exits
            if not live:
                continue
            for client_id in leg.entry_ids if entries else leg.exit_ids:
                order = live.get(client_id)
                if order is not None and not self._was_just_refused(order):
                    self.blotter.cancel(client_id, reason, lane=lane)

    def take_back(self, part: Part, state: GroupState | None, reason: str) -> None:
        """Take back what a part that stands so, or will once it is known, does not want to fill.

        Its entry, unless it is entered or held whole; once it is KILLED, STRANDED or over its exits
        too: an order of one that is over has come back.
        """
        is_over = state is not None and state.is_terminal
        is_killed = state in _NOT_LEFT
        lane = Lane.KILL_CANCEL if is_killed else Lane.CANCEL
        if is_over or state in _NOT_ENTERED or part.keeps_what_filled:
            self.cancel_working(part, reason, entries=True, lane=lane)
        if is_over or is_killed:
            self.cancel_working(part, reason, entries=False, lane=lane)

    def _was_just_refused(self, order: Order) -> bool:
        is_refused = order.cancel_state is AmendState.REFUSED
        return is_refused and self.desk.now - order.updated_at < ns(CANCEL_RETRY_S)

    def was_refused(self, part: Part) -> bool:
        """Say whether the broker would not cancel an order of this part that may still fill."""
        return any(
            order.cancel_state is AmendState.REFUSED
            for leg in part.legs
            for live in (leg.live_entries, leg.live_exits)
            for order in live.values()
        )

    def hold_still(self, part: Part) -> None:
        """Let a part wait until it is known what became of every leg."""
        words = "; ".join(leg.words for leg in part.legs if leg.is_unknown)
        part.came_from = part.state
        self.move_part(part, GroupTrigger.LEG_UNKNOWN, f"outcome unknown: {words}")
        self.desk.alert(
            "critical",
            part.group.group_id,
            f"STUCK: {words} was sent and no answer came. Nothing is sent for this group "
            "until it is known",
        )

    def mark(self, part: Part) -> None:
        """Have this part looked at again before the event is over."""
        self.dirty[part] = None
        self.desk.is_stirred = True

    def move_part(self, part: Part, trigger: GroupTrigger, why: str) -> None:
        """Move a part by the group table, and journal and tell it where that changes its state."""
        desk = self.desk
        before = part.state
        after = move(before, trigger, part.came_from)
        part.why = why
        if after is before:
            return
        part.state = after
        group = part.group
        group.note_state()
        desk.keep(
            GroupMoved(
                desk.now,
                desk.kseq,
                group.group_id,
                part.account,
                before,
                after,
                why,
                tuple(leg.plan for leg in part.legs) if before is GroupState.DRAFT else (),
            )
        )
        self.dirty[part] = None
        self._on_group(group)


def wants_no_fill(state: GroupState) -> bool:
    """Say whether nothing of a part in this state is to fill any more, though it may still."""
    return state in NOT_WORKED or state.is_terminal
