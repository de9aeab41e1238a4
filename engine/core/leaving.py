"""Leaving a group: sold options first, chased to the touch, retried, and STRANDED when it fails."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from engine.core import pricing
from engine.core.desk import Desk
from engine.core.group import Group, LegRun, Part
from engine.core.workbench import Workbench
from engine.model.command import Lane
from engine.model.legs import GroupState, LegRole
from engine.model.legs_state import GroupTrigger
from engine.model.order import AmendKind, Lifecycle, Order
from engine.model.scope import EVERYTHING
from engine.ports import RiskView, TradingState
from engine.rules.clock_time import clock_text, ns

LEAVING = (GroupState.UNWINDING, GroupState.EXITING)
EXIT_RETRY_S = 1.0
"""Pause between two attempts to exit after one was refused."""
CANCEL_FIRST_S = 5.0
"""How long an exit waits for the cancel of its own leg's entry, so as not to trade with itself."""


class Leaving:
    """Takes parts to CLOSED or UNWOUND.

    ``on_stranded`` is told of one that cannot get flat: the group, why, and the scope to kill.
    """

    def __init__(
        self,
        desk: Desk,
        bench: Workbench,
        view: RiskView,
        on_stranded: Callable[[Group, str, str], None],
    ) -> None:
        self._desk = desk
        self._bench = bench
        self._view = view
        self._on_stranded = on_stranded
        self._told_barred: set[tuple[str, str]] = set()

    def leave(self, part: Part, trigger: GroupTrigger, reason: str) -> None:
        """Turn a part round: take back what works of its entry, and begin to close what is held."""
        part.exit_reason = reason
        self.begin(part)
        self._bench.cancel_working(part, reason, entries=True, lane=Lane.CANCEL)
        self._bench.move_part(part, trigger, reason)
        self._bench.mark(part)

    def begin(self, part: Part) -> None:
        """Give a part its whole time and all its attempts, however often it was left before."""
        part.leaving_since = self._desk.now
        for leg in part.legs:
            leg.exit_failures = 0

    def is_barred(self, part: Part) -> bool:
        """Say whether a kill lets no exit of this part through."""
        state, _ = self._view.trading_state(part.group.strategy, part.account)
        return state is TradingState.KILLED and not part.flattens

    def tell_barred(self, part: Part, reason: str) -> None:
        """Tell a person, once, that what a part holds is not left though it should be."""
        group_id = part.group.group_id
        if part.is_flat or (group_id, part.account) in self._told_barred:
            return
        self._told_barred.add((group_id, part.account))
        self._desk.alert(
            "critical",
            group_id,
            f"not left in {part.account}, since a kill stands ({reason}): what it holds stays held "
            "until a kill flattens it, or a person arms and it is left anew",
        )

    def work(self, part: Part) -> None:
        """Close what is held: sold options first, their hedges once those are back."""
        desk, legs = self._desk, part.legs
        self._bench.cancel_working(part, part.exit_reason, entries=True, lane=Lane.CANCEL)
        if part.is_flat and not part.has_working:
            self._bench.move_part(part, GroupTrigger.FLAT, "nothing is held any more")
            return
        if self.is_barred(part):
            why = f"not left, since a kill stands: {part.exit_reason}"
            self._bench.move_part(part, GroupTrigger.KILL, why)
            self.tell_barred(part, part.exit_reason)
            return
        if self._told_barred:
            self._told_barred.discard((part.group.group_id, part.account))
        policy = part.group.plan.policy
        for leg in legs:
            if leg.exit is not None and leg.exit.lifecycle.is_terminal:
                self._note_exit_end(part, leg, leg.exit)
        scope = EVERYTHING
        if not self._trades_now(part):
            if self._waits_for_open(part):
                return
            closed = self._closed_at(part)
            if closed is not None:
                # No other order makes it worse any more, and other markets go on trading.
                scope = part.group.strategy
                if not part.has_working:
                    held = (
                        f"{leg.plan.side.sign * leg.net:+d} {leg.instrument.symbol}"
                        for leg in legs
                        if leg.net
                    )
                    why = f"nothing of it trades today after {clock_text(closed, 0)}"
                    self._strand(part, f"{why}, and it holds {', '.join(held)}", scope)
                    return
        for leg in legs:
            if leg.exit_failures > policy.exit_retries:
                self._strand(part, f"{leg.words}: {leg.last_failure}", scope)
                return
        if desk.now - part.leaving_since >= part.group.exit_deadline_ns:
            leg = next(leg for leg in legs if leg.net or leg.may_enter or leg.may_leave)
            self._strand(part, f"{leg.words}: not flat in {policy.exit_deadline_s:g} s", scope)
            return
        risk_left = part.has_hedge and any(
            leg.plan.role is LegRole.RISK and (leg.net or leg.may_enter) for leg in legs
        )
        for leg in legs:
            if risk_left and leg.plan.role is LegRole.HEDGE:
                continue
            self._exit_leg(part, leg)

    def _trades_now(self, part: Part) -> bool:
        """Say whether everything that is held trades at this moment."""
        now, opened_at = self._desk.now, self._desk.trading.opened_at
        return all(opened_at(leg.instrument, now) is not None for leg in part.legs if leg.net)

    def _waits_for_open(self, part: Part) -> bool:
        """Say whether all that is held is in a break of its session: exits are sent when it opens.

        Until then nothing is tried, so no attempt is used up, and the deadline counts from there.
        """
        opens = [self._reopens_at(leg) for leg in part.legs if leg.net]
        later = [at for at in opens if at is not None]
        if not later:
            return False
        if part.leaving_since < max(later):
            part.leaving_since = max(later)
            self._desk.alert(
                "warning",
                part.group.group_id,
                f"not left before {clock_text(max(later), 0)}: nothing trades until then",
            )
        return len(later) == len(opens)

    def _closed_at(self, part: Part) -> int | None:
        """Return when the last of what is held closed for the day; None while any may trade."""
        closed = [
            self._desk.trading.closed_at(leg.instrument, self._desk.now)
            for leg in part.legs
            if leg.net
        ]
        over = [at for at in closed if at is not None]
        return max(over, default=None) if len(over) == len(closed) else None

    def _reopens_at(self, leg: LegRun) -> int | None:
        return self._desk.trading.reopens_at(leg.instrument, self._desk.now)

    def _exit_leg(self, part: Part, leg: LegRun) -> None:
        desk = self._desk
        policy = part.group.plan.policy
        order = leg.exit
        if order is not None and order.lifecycle is Lifecycle.OPEN:
            waited = desk.now - (order.acked_at or order.request.created_at)
            steps = int(waited // part.group.chase_every_ns)
            leg.exit_steps = steps * policy.chase_step_ticks
            if steps >= 1:
                price = self._exit_price(part, leg)
                if price is not None and order.side.sign * (price - order.price) > 0:
                    self._bench.blotter.replace(
                        order.client_id,
                        price=price,
                        quantity=order.quantity,
                        trigger_price=None,
                    )
            return
        if leg.may_leave or leg.exit_retry_at > desk.now or leg.net <= 0:
            return
        if self._reopens_at(leg) is not None:
            return
        is_early = desk.now - part.leaving_since < ns(CANCEL_FIRST_S)
        if is_early and leg.may_enter:
            return
        price = self._exit_price(part, leg)
        if price is None:
            return
        quantity = min(leg.net, leg.instrument.slice_quantity() or leg.net)
        request = self._bench.request(part, leg, quantity, price, is_exit=True)
        leg.exit_ids.append(request.client_id)
        self._bench.blotter.place((request,), whole=False)

    def _note_exit_end(self, part: Part, leg: LegRun, order: Order) -> None:
        """See what it means that the leg's newest exit has ended, once."""
        if order.key.slice != leg.exit_slice or order.key.attempt != leg.exit_attempt:
            return
        leg.exit_steps = 0
        if order.lifecycle is Lifecycle.FILLED:
            leg.exit_slice += 1
            leg.exit_attempt = 1
            return
        leg.exit_attempt += 1
        if order.amend is not None and order.amend.kind is AmendKind.CANCEL:
            return
        leg.exit_failures += 1
        leg.last_failure = f"{order.lifecycle}: {order.reason or 'no reason given'}"
        leg.exit_retry_at = self._desk.now + ns(EXIT_RETRY_S)
        self._desk.alert(
            "warning",
            part.group.group_id,
            f"exit of {leg.words} failed ({leg.exit_failures}): {leg.last_failure}",
        )

    def _exit_price(self, part: Part, leg: LegRun) -> Decimal | None:
        side = leg.plan.side.opposite
        touch = pricing.touch_price(self._desk.book, leg.instrument, side)
        if touch is None:
            return None
        policy = part.group.plan.policy
        worst = pricing.bound(
            leg.instrument, side, touch, policy.exit_slippage_pct, policy.min_slippage_ticks
        )
        return pricing.marketable(self._desk.book, leg.instrument, side, 1 + leg.exit_steps, worst)

    def _strand(self, part: Part, why: str, scope: str) -> None:
        self._bench.cancel_working(part, why, entries=True, lane=Lane.CANCEL)
        self._bench.move_part(part, GroupTrigger.CANNOT_FLATTEN, why)
        self._desk.alert(
            "critical",
            part.group.group_id,
            f"STRANDED: cannot get flat in {part.account}: {why}. A person is needed",
        )
        self._on_stranded(part.group, why, scope)
