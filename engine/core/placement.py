"""Working leg groups: what to send next, given what is known now.

Level-triggered: ``work(part)`` looks at the facts (targets, fills, what is working, what failed)
and does the next thing; it may be called any number of times. A part with a leg whose outcome is
unknown is STUCK and nothing is decided about it until every leg is known (reliability.md 3.1).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.core import pricing
from engine.core.blotter import Blotter
from engine.core.client_ids import ClientIds
from engine.core.desk import Desk
from engine.core.entering import ENTERING, Entering
from engine.core.group import Group, Part
from engine.core.leaving import LEAVING, Leaving
from engine.core.open_groups import OpenGroups
from engine.core.order_alerts import tell_unchanged
from engine.core.planning import legs_by_account
from engine.core.workbench import GIVEN_UP, Workbench, wants_no_fill
from engine.errors import OffGrid
from engine.model.command import Lane
from engine.model.instrument import Instrument
from engine.model.legs import GroupPlan, GroupState, LegRole
from engine.model.legs_state import GroupTrigger
from engine.model.order import Fill, Lifecycle, Order
from engine.model.record import EntryWithdrawn, GroupMoved, GroupPlanned, LegRepriced
from engine.model.scope import EVERYTHING
from engine.ports import RiskGate, RiskView
from engine.rules.clock_time import ns


class Placement:
    """All groups of the session. ``on_group`` is told when one of a strategy's groups moved."""

    def __init__(
        self,
        desk: Desk,
        gate: RiskGate,
        view: RiskView,
        blotter: Blotter,
        client_ids: ClientIds,
        on_group: Callable[[Group], None],
        on_stranded: Callable[[Group, str, str], None],
    ) -> None:
        self._desk = desk
        self._blotter = blotter
        self._bench = Workbench(desk, blotter, client_ids, on_group)
        self.dirty = self._bench.dirty
        self._leaving = Leaving(desk, self._bench, view, on_stranded)
        self._entering = Entering(desk, self._bench, gate, view, self._leaving)
        self.groups: dict[str, Group] = {}
        self._open = OpenGroups(self.groups)
        self.drafts: list[Group] = []
        self._parts: dict[tuple[str, str], Part] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._newest_named: dict[tuple[str, str], Group] = {}
        self.is_paused = False

    # -- what strategies and the engine ask ------------------------------------------------------

    def next_id(self, strategy: str, name: str) -> str:
        """Return the id of the next group of that name: ``strategy.name.number``."""
        number = self._counts.get((strategy, name), 0) + 1
        self._counts[strategy, name] = number
        return f"{strategy}.{name}.{number}"

    def enter(self, plan: GroupPlan, deadline: int) -> Group:
        """Take a group on. It waits in DRAFT, until ``deadline`` (ns), for every leg's price."""
        desk = self._desk
        group = self._register(plan)
        group.price_deadline = deadline
        desk.keep(GroupPlanned(desk.now, desk.cause(), plan))
        self.drafts.append(group)
        group.price_timer = desk.timers.add(deadline, self.look_at_drafts)
        return group

    def restore(self, plan: GroupPlan) -> None:
        """Take on a group of an earlier process, as it was planned; its moves follow."""
        self._register(plan)
        counted = plan.strategy, plan.name
        self._counts[counted] = self._counts.get(counted, 0) + 1

    def _register(self, plan: GroupPlan) -> Group:
        """Make a group of a plan: legs by account, in units and on the grid."""
        group = Group(self._desk, plan, legs_by_account(plan))
        self.groups[plan.group_id] = group
        self._open.add(group)
        self._newest_named[plan.strategy, plan.name] = group
        for account, part in group.parts.items():
            self._parts[plan.group_id, account] = part
        return group

    def exit(self, group: Group, reason: str, *, scope: str = EVERYTHING) -> None:
        """Leave a group: what works is cancelled, what is held is closed, risk legs first."""
        for part in (part for part in group.parts.values() if scope in part.scopes):
            if part.state is GroupState.DRAFT:
                self._withdraw(group, f"taken back before it was sent: {reason}")
            elif part.state is GroupState.KILLED and self._leaving.is_barred(part):
                self._leaving.tell_barred(part, reason)
                continue
            elif part.state.is_terminal or part.state in LEAVING:
                continue
            elif part.state is GroupState.STUCK:
                part.exit_reason = reason
                self._bench.cancel_working(part, reason, entries=True, lane=Lane.CANCEL)
                if part.came_from not in LEAVING:
                    self._go_on(part, _left_from(part.came_from), reason)
            else:
                self._leaving.leave(part, GroupTrigger.EXIT_WANTED, reason)
            self._bench.mark(part)

    def cancel(self, group: Group, reason: str, *, lane: Lane = Lane.CANCEL) -> None:
        """Take back what has not filled of a group's entry; what is held stays held."""
        for part in group.parts.values():
            if part.state is GroupState.DRAFT:
                self._withdraw(group, reason)
            elif part.state in ENTERING or part.came_from in ENTERING:
                part.keeps_what_filled = True
                part.exit_reason = reason
                desk = self._desk
                desk.keep(EntryWithdrawn(desk.now, desk.kseq, group.group_id, part.account, reason))
                self._bench.cancel_working(part, reason, entries=True, lane=lane)
            self._bench.mark(part)

    def modify(self, group: Group, limit: float | None, trigger: float | None) -> None:
        """Ask for another price of a one-leg group, sent or not; what has ended is left alone."""
        if len(group.plan.legs) != 1:
            raise OffGrid(
                f"{group.name!r} has {len(group.plan.legs)} legs; only one can be modified"
            )
        (asked,) = group.plan.legs
        if trigger is not None and asked.trigger is None:
            raise OffGrid(f"{group.name!r} is no stop: it has no trigger to move")
        # Making the leg anew judges the prices as entering it did.
        msgspec.structs.replace(asked, limit=limit, trigger=trigger)
        parts = [part for part in group.parts.values() if part.state in _CAN_CHANGE]
        if not [part for part in parts if self._modify_part(part, limit, trigger)]:
            why = f"{group.state}: nothing of it works any more"
            self._desk.alert("warning", group.group_id, f"not modified, {why}")

    def _modify_part(self, part: Part, limit: float | None, trigger: float | None) -> bool:
        leg = part.legs[0]
        plan, side, instrument = leg.plan, leg.plan.side, leg.instrument
        order = leg.entry
        price, stop = plan.limit, plan.trigger
        if limit is not None:
            price = instrument.price(limit, side, "passive")
        if trigger is not None:
            stop = instrument.price(trigger, side, "nearest")
        if order is not None and not order.lifecycle.is_terminal:
            terms = order.price if price is None else price
            if price is None and stop is not None and order.lifecycle is not Lifecycle.OPEN:
                terms = pricing.stop_limit(instrument, side, stop)  # As when it was placed.
            refusal = self._blotter.replace(
                order.client_id,
                price=terms,
                quantity=order.quantity,
                trigger_price=stop,
                waits=True,
            )
            if refusal is not None:
                self._desk.alert("warning", part.group.group_id, f"not modified: {refusal}")
                return True
        leg.plan = msgspec.structs.replace(plan, limit=price, trigger=stop)
        desk = self._desk
        desk.keep(LegRepriced(desk.now, desk.kseq, part.group.group_id, part.account, leg.plan))
        return True

    def kill(self, reason: str, *, scope: str, flattens: bool) -> None:
        """Cancel everything that works, exits too, in one scope of the kill switch.

        What is held stays held and KILLED, unless the kill ``flattens``: then it is left by orders
        that a kill lets through. A STUCK or STRANDED part keeps its state until it is known. What
        an earlier kill flattens goes on being flattened: another one can only reach further.
        """
        for group in list(self.groups.values()):
            for part in group.parts.values():
                if scope not in part.scopes:
                    continue
                if part.flattens and not flattens and part.state_once_known in LEAVING:
                    continue
                # Also of one that is over: what fills late is left as the kill wanted it.
                part.flattens = part.flattens or flattens
                if part.state.is_terminal:
                    continue
                self._withdraw(group, reason)
                for entries in (True, False):
                    self._bench.cancel_working(part, reason, entries=entries, lane=Lane.KILL_CANCEL)
                self._bench.move_part(part, GroupTrigger.KILL, reason)
                if part.state is GroupState.STUCK:
                    part.exit_reason = reason
                    self._go_on(part, GroupState.EXITING if flattens else GroupState.KILLED, reason)
                elif flattens and not part.state.is_terminal:
                    self._leaving.leave(part, GroupTrigger.FLATTEN_WANTED, reason)
                self._bench.mark(part)

    def _go_on(self, part: Part, state: GroupState, reason: str) -> None:
        """Note where a STUCK part goes once it is known again; a restart must not forget it."""
        part.came_from = state
        desk, stuck, group_id = self._desk, GroupState.STUCK, part.group.group_id
        desk.keep(GroupMoved(desk.now, desk.kseq, group_id, part.account, state, stuck, reason))

    def _withdraw(self, group: Group, why: str) -> None:
        """Give a draft up in every account: it is judged whole. A group that is none stays."""
        if group in self.drafts:
            self._end_draft(group)
        for part in group.parts.values():
            if part.state is GroupState.DRAFT:
                self._bench.move_part(part, GroupTrigger.REFUSED, why)

    def newest(self, strategy: str, name: str) -> Group | None:
        """Return the newest group a strategy entered under ``name``."""
        return self._newest_named.get((strategy, name))

    def of_strategy(self, strategy: str) -> list[Group]:
        """Return the strategy's groups that are not done, oldest first."""
        return self._open.of(strategy)

    # -- what happens ----------------------------------------------------------------------------

    def order_changed(self, order: Order, before: Order, fill: Fill | None) -> Group:
        """Count what an order did into its leg, and look at its part again."""
        key = order.request.key
        part = self._parts[key.group_id, key.account]
        leg = part.note(order)
        if before.amend is not None:
            tell_unchanged(self._desk, before, order, leg.plan)
        if fill is not None:
            if key.exit:
                leg.left += fill.quantity
            else:
                leg.entered += fill.quantity
            part.group.note_fill(fill, is_exit=key.exit)
            if part.state.is_terminal and fill.quantity:
                self.reopen(part, f"{fill.quantity} units filled late")
        self._bench.mark(part)
        return part.group

    def reopen(self, part: Part, why: str) -> None:
        """Leave a part that was over and holds something after all."""
        part.exit_reason = why
        self._leaving.begin(part)
        self._bench.move_part(part, GroupTrigger.FILLED_LATE, why)
        self._open.reopened(part.group)

    def look_again(self, group: Group) -> None:
        """Have every part of a group looked at before the event is over."""
        for part in group.parts.values():
            self._bench.mark(part)

    def settle(self) -> bool:
        """Work every part that something happened to; True if there was one.

        While paused, nothing is worked: what was taken up is not known to be true yet.
        """
        dirty = self.dirty
        if not dirty or self.is_paused:
            return False
        parts = list(dirty)
        dirty.clear()
        for part in parts:
            self.work(part)
        return True

    def look_at_drafts(self) -> None:
        """Judge the groups whose legs all have a price now; give up those that waited too long."""
        for group in list(self.drafts):
            missing = [
                leg.instrument.symbol
                for leg in group.plan.legs
                if not self._has_price(leg.instrument)
            ]
            if not missing:
                self._end_draft(group)
                self._entering.judge_whole(group)
            elif self._desk.now >= group.price_deadline:
                self._end_draft(group)
                waited = (self._desk.now - group.plan.created_at) / 1e9
                why = f"no price for {', '.join(missing)} within {waited:.1f} s"
                for part in group.parts.values():
                    self._bench.move_part(part, GroupTrigger.REFUSED, why)

    def _end_draft(self, group: Group) -> None:
        """A group waits for no price any more."""
        self.drafts.remove(group)
        if group.price_timer is not None:
            group.price_timer.cancel()

    def _has_price(self, instrument: Instrument) -> bool:
        """Say whether a price is known that was made since the present window opened.

        One from before a break, or from the pre-open, is no reason to decide anything.
        """
        desk = self._desk
        if desk.book.fair(instrument) is None:
            return False
        opened = desk.trading.opened_at(instrument, desk.now)
        tick = desk.book.ticks[instrument.index]
        return opened is None or (tick is not None and tick.received_at >= opened)

    def work(self, part: Part) -> None:
        """Do the next thing for one account's share of a group."""
        if part.has_hedge:
            self._watch_naked(part)
        if part.in_doubt:
            if part.state.is_terminal:
                return
            if part.state is not GroupState.STUCK:
                self._bench.hold_still(part)
            self._bench.take_back(part, part.came_from, part.exit_reason)
            self._keep_ticking(part)
            return
        if part.state is GroupState.STUCK:
            self._leaving.begin(part)
            self._bench.move_part(part, GroupTrigger.LEGS_KNOWN, "every leg is known again")
            part.came_from = None
        state = part.state
        if state in ENTERING:
            self._entering.work(part)
        elif state in LEAVING:
            self._leaving.work(part)
        elif state is GroupState.DRAFT:
            return  # It waits for a price; recovery looks at it again all the same.
        else:
            self._at_rest(part)
        self._keep_ticking(part)

    def _at_rest(self, part: Part) -> None:
        """Look at a part for which nothing is sent: it may still fill, and may have become flat."""
        self._bench.take_back(part, part.state, part.why)
        if part.state.is_terminal or part.has_working:
            return
        if part.is_flat:
            nothing = part.state in GIVEN_UP and not part.has_entered
            trigger = GroupTrigger.NOTHING_FILLED if nothing else GroupTrigger.FLAT
            self._bench.move_part(part, trigger, f"nothing is held: {part.why}")
        elif part.state is GroupState.PARTIAL_HELD and part.is_whole:
            self._bench.move_part(part, GroupTrigger.ALL_FILLED, "filled before it was taken back")

    def _watch_naked(self, part: Part) -> None:
        """Bound how long a sold option stands without the hedge its group has for it."""
        now = self._desk.now
        if part.uncovered_short() > part.planned_uncovered:
            if part.naked_since is None:
                part.naked_since = now
            limit = ns(part.group.plan.policy.max_naked_s)
            if part.state is GroupState.WORKING and now - part.naked_since > limit:
                leg = next(leg for leg in part.legs if leg.plan.role is LegRole.HEDGE)
                self._entering.fail(
                    part,
                    leg,
                    f"a sold option stood without it for {(now - part.naked_since) / 1e9:.1f} s",
                )
        elif part.naked_since is not None:
            part.naked_total_ns += now - part.naked_since
            part.naked_since = None

    def _keep_ticking(self, part: Part) -> None:
        """Look again when time alone may change something: mostly after a chase step."""
        state, now, timer = part.state, self._desk.now, part.timer
        due: int | None = now + part.group.chase_every_ns
        if state in ENTERING:
            if part.rests(now):
                due = part.deadline
        elif state not in LEAVING and not self._may_still_change(part):
            due = None
        if timer is not None and timer.is_pending:
            if due is not None and timer.due <= due:
                return
            timer.cancel()
        if due is not None:
            part.timer = self._desk.timers.add(due, lambda: self._bench.mark(part))

    def _may_still_change(self, part: Part) -> bool:
        """Say whether a part for which nothing is sent has an order to take back once more."""
        if part.state is GroupState.STUCK:
            return self._bench.was_refused(part)
        return part.has_working and wants_no_fill(part.state)


_CAN_CHANGE = (GroupState.DRAFT, *ENTERING)


def _left_from(came_from: GroupState | None) -> GroupState:
    """Return where a STUCK part goes when it is known again and was meanwhile told to leave."""
    if came_from in ENTERING:
        return GroupState.UNWINDING
    return GroupState.EXITING
