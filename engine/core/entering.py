"""Entering a group: judged whole, then leg by leg, chased, and given up by its policy."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from engine.core import pricing
from engine.core.desk import Desk
from engine.core.group import Group, LegRun, Part
from engine.core.leaving import Leaving
from engine.core.workbench import Workbench
from engine.model.approval import Refusal
from engine.model.command import Batch, Lane
from engine.model.legs import GroupState, LegRole, OnFailure, Sequencing
from engine.model.legs_state import GroupTrigger
from engine.model.order import Lifecycle, Order, OrderRequest
from engine.model.record import RiskJudged
from engine.ports import RiskGate, RiskView
from engine.rules.clock_time import ns

ENTERING = (GroupState.CHECKED, GroupState.WORKING)
_NOT_UNDER_WAY = (Lifecycle.APPROVED, *(state for state in Lifecycle if state.is_terminal))
SLICES_MAX = 50
"""The most orders one leg may need: as many as an account may have open by default."""


class Entering:
    """Takes parts from CHECKED to HELD, or hands them to ``Leaving``."""

    def __init__(
        self, desk: Desk, bench: Workbench, gate: RiskGate, view: RiskView, leaving: Leaving
    ) -> None:
        self._desk = desk
        self._bench = bench
        self._gate = gate
        self._view = view
        self._leaving = leaving

    def judge_whole(self, group: Group) -> None:
        """Let risk judge every leg of every account at once, at the prices they would go out at.

        Where these are the very orders that go out first (one account, all legs together, one order
        a leg), they are sent on that judgement; otherwise each step is judged again when it is due.
        """
        desk = self._desk
        goes_at_once = self._goes_at_once(group)
        requests: list[OrderRequest] = []
        for part in group.parts.values():
            for leg in part.legs:
                leg.decision_price = desk.book.fair(leg.instrument)
                price = self._entry_price(part, leg)
                if price is None:
                    self._refuse(group, f"no price for {leg.instrument.symbol}")
                    return
                remaining = leg.plan.quantity
                slice_number = 0
                most = leg.instrument.slice_quantity() or remaining
                if remaining > most * SLICES_MAX:
                    self._refuse(
                        group,
                        f"{leg.words}: more than {SLICES_MAX} orders of the {most} units that "
                        "the exchange takes in one",
                    )
                    return
                while remaining > 0:
                    quantity = min(most, remaining)
                    requests.append(
                        self._bench.request(
                            part,
                            leg,
                            quantity,
                            price,
                            is_exit=False,
                            slice_number=None if goes_at_once else slice_number,
                        )
                    )
                    remaining -= quantity
                    slice_number += 1
        batch = Batch(requests=tuple(requests), whole=True, planned=True)
        verdict = self._gate.judge(batch, self._view)
        refused = isinstance(verdict, Refusal)
        desk.keep(
            RiskJudged(
                desk.now,
                desk.cause(),
                group.strategy,
                group.group_id,
                tuple(r.client_id for r in requests) if goes_at_once and not refused else (),
                not refused,
                verdict.text if isinstance(verdict, Refusal) else "",
                verdict.checks,
            )
        )
        if isinstance(verdict, Refusal):
            self._refuse(group, verdict.text)
            return
        for part in group.parts.values():
            part.begin_at(desk.now)
            self._bench.move_part(part, GroupTrigger.APPROVED, "every leg passed risk")
            self._bench.mark(part)
            if goes_at_once:
                self._note_sent(part, requests)
                self._bench.blotter.accept(tuple(requests))

    @staticmethod
    def _goes_at_once(group: Group) -> bool:
        parts = list(group.parts.values())
        return (
            len(parts) == 1
            and parts[0].is_parallel
            and all(
                leg.plan.quantity <= (leg.instrument.slice_quantity() or leg.plan.quantity)
                for leg in parts[0].legs
            )
        )

    def _refuse(self, group: Group, why: str) -> None:
        for part in group.parts.values():
            self._bench.move_part(part, GroupTrigger.REFUSED, why)

    def work(self, part: Part) -> None:
        """Send what may be sent next, chase what rests, and see what has failed."""
        desk, bench, legs = self._desk, self._bench, part.legs
        for leg in legs:
            if leg.entered < leg.plan.quantity:
                break
        else:
            bench.move_part(part, GroupTrigger.ALL_FILLED, "every leg is filled")
            return
        if part.keeps_what_filled:
            self._take_back(part)
            return
        for leg in legs:
            if leg.entry is not None and leg.entry.lifecycle.is_terminal:
                self._note_entry_end(part, leg, leg.entry)
                if part.state not in ENTERING:
                    return
        if part.deadline is not None and desk.now >= part.deadline:
            late = next(leg for leg in legs if leg.entered < leg.plan.quantity)
            self.fail(part, late, f"not filled within {part.group.plan.policy.deadline_s:g} s")
            return
        requests: list[OrderRequest] = []
        for leg in legs:
            if leg.may_enter or leg.retry_at > desk.now:
                continue
            quantity = self._allowed(part, leg) - leg.entered
            if quantity <= 0:
                continue
            price = self._entry_price(part, leg)
            if price is None:
                continue
            quantity = min(quantity, leg.instrument.slice_quantity() or quantity)
            requests.append(bench.request(part, leg, quantity, price, is_exit=False))
        if requests:
            parallel = part.is_parallel
            batches = [tuple(requests)] if parallel else [(request,) for request in requests]
            for batch in batches:
                if self._send_entries(part, batch, whole=parallel) is not None:
                    return
        for leg in legs:
            if leg.entry is not None:
                self._chase_entry(part, leg, leg.entry)

    def _send_entries(
        self, part: Part, batch: tuple[OrderRequest, ...], *, whole: bool
    ) -> Refusal | None:
        self._note_sent(part, batch)
        return self._bench.blotter.place(batch, whole=whole)

    def _note_sent(self, part: Part, requests: Iterable[OrderRequest]) -> None:
        for request in requests:
            part.legs[request.key.leg - 1].entry_ids.append(request.client_id)
        if part.state is GroupState.CHECKED:
            self._bench.move_part(part, GroupTrigger.FIRST_SEND, "sending")

    def _note_entry_end(self, part: Part, leg: LegRun, order: Order) -> None:
        """See what it means that the leg's newest order has ended, once."""
        if leg.entered >= leg.plan.quantity:
            return
        if order.key.slice != leg.slice or order.key.attempt != leg.attempt:
            return
        if order.lifecycle is Lifecycle.FILLED:
            leg.slice += 1
            leg.attempt = 1
            leg.chase_steps = 0
            return
        leg.attempt += 1
        leg.failures += 1
        why = f"{order.lifecycle}: {order.reason or 'no reason given'}"
        leg.last_failure = why
        policy = part.group.plan.policy
        if policy.on_failure is OnFailure.RETRY and leg.failures <= policy.retries:
            leg.retry_at = self._desk.now + part.group.chase_every_ns
            leg.chase_steps += policy.chase_step_ticks
            return
        self.fail(part, leg, why)

    def fail(self, part: Part, leg: LegRun, why: str) -> None:
        """Give the entry up, by the group's policy."""
        reason = f"{leg.words}: {why}"
        self._bench.cancel_working(part, reason, entries=True, lane=Lane.CANCEL)
        if not part.has_entered and not part.has_working:
            self._bench.move_part(part, GroupTrigger.NOTHING_FILLED, reason)
        elif part.group.plan.policy.on_failure is OnFailure.HOLD:
            self._bench.move_part(part, GroupTrigger.LEG_FAILED_HOLD, reason)
            self._desk.alert(
                "critical",
                part.group.group_id,
                f"held incomplete, as its policy says: {reason}",
            )
        else:
            self._leaving.leave(part, GroupTrigger.LEG_FAILED_UNWIND, reason)
            self._desk.alert("warning", part.group.group_id, f"unwinding: {reason}")
        self._bench.mark(part)

    def _take_back(self, part: Part) -> None:
        """End an entry that its author took back: send nothing more, keep what had filled."""
        self._bench.cancel_working(part, part.exit_reason, entries=True, lane=Lane.CANCEL)
        if part.has_working:
            return
        kept = GroupTrigger.LEG_FAILED_HOLD if part.has_entered else GroupTrigger.NOTHING_FILLED
        self._bench.move_part(part, kept, part.exit_reason)

    def _allowed(self, part: Part, leg: LegRun) -> int:
        """Return how much of a leg may be entered by now, in whole lots."""
        target = leg.plan.quantity
        sequencing = part.group.plan.policy.sequencing
        before: Iterable[LegRun]
        if sequencing is Sequencing.PARALLEL:
            return target
        if sequencing is Sequencing.SEQUENTIAL:
            before = part.legs[: leg.plan.number - 1]
        elif leg.plan.role is LegRole.RISK:
            before = [other for other in part.legs if other.plan.role is LegRole.HEDGE]
        else:
            return target
        lot = leg.instrument.lot_size
        for other in before:
            target = min(target, leg.plan.quantity * other.entered // other.plan.quantity)
        return target // lot * lot

    def _entry_price(self, part: Part, leg: LegRun) -> Decimal | None:
        plan = leg.plan
        if plan.limit is not None:
            return plan.limit
        if plan.trigger is not None:
            return pricing.stop_limit(plan.instrument, plan.side, plan.trigger)
        if leg.decision_price is None:
            # Taken up again after a restart, before anything of this leg was sent.
            leg.decision_price = self._desk.book.fair(leg.instrument)
        if leg.decision_price is None:
            return None
        policy = part.group.plan.policy
        worst = pricing.bound(
            plan.instrument,
            plan.side,
            leg.decision_price,
            policy.max_slippage_pct,
            policy.min_slippage_ticks,
        )
        return pricing.marketable(
            self._desk.book, plan.instrument, plan.side, leg.chase_steps, worst
        )

    def _chase_entry(self, part: Part, leg: LegRun, order: Order) -> None:
        """Re-price a resting market intent: to the touch first, then a step further each time."""
        plan = leg.plan
        if plan.limit is not None or plan.trigger is not None:
            self._catch_up(part, leg, order)
            return
        if order.lifecycle is not Lifecycle.OPEN:
            return
        policy = part.group.plan.policy
        since = order.acked_at or order.request.created_at
        waited = self._desk.now - since
        if waited < ns(policy.leg_timeout_s):
            return
        steps = 1 + (waited - ns(policy.leg_timeout_s)) // part.group.chase_every_ns
        leg.chase_steps = int(steps - 1) * policy.chase_step_ticks
        price = self._entry_price(part, leg)
        if price is None or order.price == price:
            return
        if plan.side.sign * (price - order.price) < 0:
            return
        refusal = self._bench.blotter.replace(
            order.client_id,
            price=price,
            quantity=order.quantity,
            trigger_price=order.trigger_price,
        )
        if refusal is not None:
            self.fail(part, leg, refusal)

    def _catch_up(self, part: Part, leg: LegRun, order: Order) -> None:
        """Change an order to what its author asked for between its approval and its sending."""
        sent, plan = order.request, leg.plan
        if order.amend is not None or order.lifecycle in _NOT_UNDER_WAY:
            return
        price = self._entry_price(part, leg)
        if price is None or (sent.price, sent.trigger_price) == (price, plan.trigger):
            return
        refusal = self._bench.blotter.replace(
            order.client_id,
            price=price,
            quantity=order.quantity,
            trigger_price=plan.trigger,
        )
        if refusal is not None:
            self._desk.alert("warning", part.group.group_id, f"not modified: {refusal}")
            leg.plan = msgspec.structs.replace(plan, limit=sent.price, trigger=sent.trigger_price)
