"""Everything that stops trading, and the one thing that lets it go on: a person's arming."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping

from engine.core.desk import Desk
from engine.core.failure import Failure
from engine.core.group import Group, Part
from engine.core.listening import Listening
from engine.core.loss_watch import LossWatch
from engine.core.placement import Placement
from engine.core.seat import Seat
from engine.model.event import Armed, HookOverran, KillMode, KillTripped
from engine.model.nearest import nearest_first
from engine.model.order import Order
from engine.model.record import HumanActed, KillRecorded, StrategyHalted
from engine.model.scope import EVERYTHING, account_scope
from engine.ports import Breach, KillSwitch, RiskGate, RiskView


class Halting:
    """Halts strategies, trips the kill switch, and leaves groups where that is asked for.

    ``tell`` calls something once what is under way has been done. ``accounts`` are those whose
    broker has books, beside those that strategies trade. ``kills`` (by scope) and
    ``halts`` (by strategy, with the reason) are those the journal has and nobody lifted.
    """

    def __init__(
        self,
        desk: Desk,
        gate: RiskGate,
        view: RiskView,
        kill_switch: KillSwitch,
        placement: Placement,
        listening: Listening,
        seats: Mapping[str, Seat],
        tell: Callable[[Callable[[], None]], None],
        hook_budget_ms: float,
        accounts: Iterable[str],
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._kill_switch = kill_switch
        self._placement = placement
        self._listening = listening
        self._seats = seats
        self._tell = tell
        self._hook_budget_ms = hook_budget_ms
        self._accounts = frozenset(accounts)
        self.loss_watch = LossWatch(desk, gate, view, self.loss_limit_broken)
        self._strange: set[str] = set()
        self._acts: set[str] = set()
        self.kills: dict[str, KillMode] = {}
        self.halts: dict[str, str] = {}

    def kill(self, event: KillTripped) -> None:
        """Trip the kill switch, and cancel or flatten as far as its mode reaches.

        A scope that is not here is refused: a record of it would look like a kill that stands.
        """
        desk = self._desk
        known = self._scopes()
        if event.scope not in known:
            desk.alert(
                "critical",
                event.scope,
                f"NOTHING WAS KILLED: {event.who} asked for it ({event.why}), but here is no "
                f"{event.scope!r}; {nearest_first(event.scope, known)}; ask again: "
                f"{EVERYTHING!r} stops everything",
            )
            return
        self._kill_switch.trip(event)
        self._note_kill(event)
        desk.keep(KillRecorded(desk.now, desk.kseq, event.scope, event.mode, event.who, event.why))
        desk.alert("critical", event.scope, f"KILLED by {event.who}: {event.why}")
        if event.mode is KillMode.BLOCK_NEW:
            return
        flattens = event.mode is KillMode.FLATTEN
        self._placement.kill(f"killed: {event.why}", scope=event.scope, flattens=flattens)

    def arm(self, event: Armed) -> None:
        """Lift every restriction of a scope; what was cancelled or left stays so.

        An act taken up again after a crash lifts nothing that came behind it.
        """
        if not self._note_act(event.act_id):
            return
        desk = self._desk
        desk.keep(
            HumanActed(desk.now, desk.kseq, "arm", event.scope, event.who, event.why, event.act_id)
        )
        self._forget(event.scope)
        self.loss_watch.arm(event.scope)
        try:
            self._kill_switch.arm(event.scope)
        except KeyError:
            desk.alert("warning", event.scope, f"armed by {event.who}, though nothing stopped it")
            return
        seat = self._seats.get(event.scope)
        if seat is not None and seat.is_halted:
            seat.is_halted = False
            self._listening.reroute(seat)
        desk.alert("info", event.scope, f"armed by {event.who}: {event.why}")

    def restore_kill(self, event: KillTripped, parts: Iterable[Part]) -> None:
        """Take up a kill of an earlier process: it stands until a person arms again."""
        self._kill_switch.trip(event)
        self._note_kill(event)
        if event.who == "engine":
            self._strange.add(event.why)
        for part in parts:
            part.flattens = part.flattens or event.mode is KillMode.FLATTEN

    def restore_halt(self, strategy: str, why: str) -> None:
        """Take up the halt of a strategy."""
        self.halts[strategy] = why
        self._kill_switch.halt(strategy, why)

    def restore_arm(self, scope: str, act_id: str) -> None:
        """Take up what a person lifted; a scope that nothing stopped by record stays as it is."""
        self._note_act(act_id)
        self._forget(scope)
        with contextlib.suppress(KeyError):
            self._kill_switch.arm(scope)

    def has_kill(self, event: KillTripped) -> bool:
        """Say whether a kill that stands by the journal reaches at least as far as this one."""
        standing = self.kills.get(event.scope)
        return standing is not None and standing.reach >= event.mode.reach

    def _scopes(self) -> set[str]:
        """Return every scope that a kill can reach something in."""
        traded = {a for seat in self._seats.values() for a in seat.config.accounts}
        return {EVERYTHING, *map(account_scope, self._accounts | traded), *self._seats}

    def _note_act(self, act_id: str) -> bool:
        """Note that an act was done; False when it had been before. One without an id is new."""
        if act_id in self._acts:
            return False
        if act_id:
            self._acts.add(act_id)
        return True

    def _note_kill(self, event: KillTripped) -> None:
        """Keep the mode of a scope that reaches furthest, as the kill switch does."""
        before = self.kills.get(event.scope, event.mode)
        self.kills[event.scope] = max(before, event.mode, key=lambda mode: mode.reach)

    def _forget(self, scope: str) -> None:
        """Lift what stops a scope; a part that no kill flattens any more is barred by the next."""
        self._gate.forgive(scope)
        self.kills.pop(scope, None)
        self.halts.pop(scope, None)
        flattening = {s for s, mode in self.kills.items() if mode is KillMode.FLATTEN}
        for group in self._placement.groups.values():
            for part in group.parts.values():
                part.flattens = part.flattens and not flattening.isdisjoint(part.scopes)

    def stranded(self, group: Group, why: str, scope: str) -> None:
        """A group cannot get flat: nothing else in ``scope`` may make it worse."""
        event = KillTripped(scope, KillMode.CANCEL_ALL, "engine", f"{group.group_id}: {why}")
        self._tell(lambda: self.kill(event))

    def foreign(self, why: str) -> None:
        """Somebody else trades the account, or our tags are not unique: nothing new goes out.

        ``why`` is what was seen, in the same words at every look: the books go on showing it after
        a person has seen to it and armed.
        """
        if why in self._strange:
            return
        self._strange.add(why)
        event = KillTripped(EVERYTHING, KillMode.BLOCK_NEW, "engine", why)
        self._tell(lambda: self.kill(event))

    def why_halt(self, order: Order, before: Order) -> str | None:
        """Note a change of an order; return why it halts its strategy, if it does.

        Asked of every change once and in order, when it happens and when a restart takes it up.
        """
        why = None
        # An end is told again when more becomes known of it; it is one end.
        if order.lifecycle is not before.lifecycle and order.lifecycle.is_terminal:
            why = self._gate.note_order(order)
        if order.filled_quantity > order.quantity and order.overfill > before.overfill:
            return f"{order.key} filled {order.overfill} units more than was asked"
        return why

    def rejections(self) -> Mapping[str, int]:
        """Return how often each strategy was rejected in a row, of those that were."""
        return self._gate.rejections()

    def loss_limit_broken(self, breach: Breach) -> None:
        """Let only exits through, and leave the groups of those who are configured so."""
        scope = breach.scope
        self._kill_switch.reduce_only(scope, breach.text)
        self._desk.alert("critical", scope, f"loss limit broken: {breach.text}")
        for group in list(self._placement.groups.values()):
            if self._seats[group.strategy].config.exits_on_max_loss:
                self._placement.exit(group, breach.text, scope=scope)

    def hook_failed(self, seat: Seat, hook: str, failure: Failure) -> None:
        """A hook raised: its strategy stops there, and no other."""
        self.halt(seat, f"{hook} raised {failure.text}", failure.trace)

    def overran(self, event: HookOverran) -> None:
        """A hook took longer than its budget."""
        self.halt(
            self._seats[event.strategy],
            f"{event.hook} took {event.took_ms:.0f} ms, its budget is {self._hook_budget_ms:g} ms",
        )

    def halt(self, seat: Seat, why: str, trace: str = "") -> None:
        """Stop a strategy; its groups get the exit its configuration names."""
        if seat.is_halted:
            return
        desk = self._desk
        seat.is_halted = True
        seat.halted_why = why
        self._listening.reroute(seat)
        self._kill_switch.halt(seat.strategy_id, why)
        self.halts[seat.strategy_id] = why
        desk.keep(StrategyHalted(desk.now, desk.kseq, seat.strategy_id, why, trace))
        exits = seat.config.exits_on_error
        desk.alert(
            "critical",
            seat.strategy_id,
            f"halted: {why}; its groups are {'left' if exits else 'kept, as configured'}",
        )
        for group in self._placement.of_strategy(seat.strategy_id):
            if exits:
                self._placement.exit(group, f"its strategy was halted: {why}")
            else:
                self._placement.cancel(group, why)
