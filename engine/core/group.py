"""A leg group as the kernel owns it, and as an author sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from engine.core.desk import Desk
from engine.core.timers import Timer
from engine.model.arithmetic import ARITHMETIC, exactly
from engine.model.instrument import Instrument, Right
from engine.model.legs import GroupPlan, GroupState, LegPlan, LegRole, Sequencing
from engine.model.legs_state import least_settled
from engine.model.money import ZERO
from engine.model.order import Fill, Order
from engine.model.payoff import Payoff, PayoffLeg
from engine.model.scope import scopes_of
from engine.rules.clock_time import ns
from engine.rules.payoff import payoff


class LegRun:
    """One leg of one part at work: the orders that serve it and what they have done.

    Quantities are units and never negative; ``net`` is entered minus left. What every look asks of
    its orders is kept here by ``Part.note``: ``entry`` and ``exit`` are the newest of each way,
    ``live_entries`` and ``live_exits`` those that have not ended, all as they are now.
    """

    __slots__ = (
        "attempt",
        "chase_steps",
        "decision_price",
        "entered",
        "entry",
        "entry_ids",
        "exit",
        "exit_attempt",
        "exit_failures",
        "exit_ids",
        "exit_retry_at",
        "exit_slice",
        "exit_steps",
        "failures",
        "instrument",
        "last_failure",
        "left",
        "live_entries",
        "live_exits",
        "plan",
        "retry_at",
        "slice",
    )

    def __init__(self, plan: LegPlan) -> None:
        self.plan = plan
        self.instrument: Final = plan.instrument
        self.entry_ids: list[str] = []
        self.exit_ids: list[str] = []
        self.entry: Order | None = None
        self.exit: Order | None = None
        self.live_entries: dict[str, Order] = {}
        self.live_exits: dict[str, Order] = {}
        self.entered = 0
        self.left = 0
        self.slice = 0
        self.attempt = 1
        self.exit_slice = 0
        self.exit_attempt = 1
        self.failures = 0
        self.exit_failures = 0
        self.retry_at = 0
        self.exit_retry_at = 0
        self.chase_steps = 0
        self.exit_steps = 0
        self.decision_price: float | None = None
        self.last_failure = ""

    @property
    def is_unknown(self) -> bool:
        """An order of it was sent, and its outcome is not known."""
        live = (*self.live_entries.values(), *self.live_exits.values())
        return any(order.lifecycle.is_unknown for order in live)

    @property
    def may_enter(self) -> bool:
        """An order that enters it may still fill."""
        live = self.live_entries
        return bool(live) and any(order.exposed_quantity for order in live.values())

    @property
    def may_leave(self) -> bool:
        """An order that leaves it may still fill."""
        live = self.live_exits
        return bool(live) and any(order.exposed_quantity for order in live.values())

    @property
    def net(self) -> int:
        """Units held through this leg, unsigned."""
        return self.entered - self.left

    @property
    def signed_net(self) -> int:
        """Units held through this leg: positive long, negative short."""
        return self.net * self.plan.side.sign

    @property
    def words(self) -> str:
        """The leg as a person reads it."""
        plan = self.plan
        return f"leg {plan.number} {plan.side} {plan.quantity} {plan.instrument.symbol}"


class Part:
    """One account's share of a group: what the group table moves.

    ``has_hedge``: the plan covers its sold options. ``is_parallel``: all legs go together; without
    a hedge, hedge first means just that. ``planned_uncovered``: units that its hedges, if it has
    any, leave uncovered. ``in_doubt``: the orders that were sent and whose outcome is not known.
    """

    __slots__ = (
        "account",
        "came_from",
        "deadline",
        "exit_reason",
        "flattens",
        "group",
        "has_hedge",
        "in_doubt",
        "is_parallel",
        "keeps_what_filled",
        "leaving_since",
        "legs",
        "naked_since",
        "naked_total_ns",
        "planned_uncovered",
        "started_at",
        "state",
        "timer",
        "why",
    )

    def __init__(self, group: Group, account: str, legs: list[LegRun]) -> None:
        self.group = group
        self.account = account
        self.legs = legs
        self.state = GroupState.DRAFT
        self.came_from: GroupState | None = None
        self.why = ""
        self.started_at: int | None = None
        self.deadline: int | None = None
        self.leaving_since = 0
        self.exit_reason = ""
        self.in_doubt: set[str] = set()
        self.flattens = False
        self.keeps_what_filled = False
        self.timer: Timer | None = None
        self.naked_since: int | None = None
        self.naked_total_ns = 0
        self.has_hedge = any(leg.plan.role is LegRole.HEDGE for leg in legs)
        sequencing = group.plan.policy.sequencing
        self.is_parallel = sequencing is Sequencing.PARALLEL or (
            sequencing is Sequencing.HEDGE_FIRST and not self.has_hedge
        )
        self.planned_uncovered = 0
        if self.has_hedge:
            self.planned_uncovered = _uncovered(
                (leg.instrument.right, leg.plan.quantity * leg.plan.side.sign) for leg in legs
            )

    def note(self, order: Order) -> LegRun:
        """Take in what an order has become, and return the leg it serves."""
        request, lifecycle = order.request, order.lifecycle
        client_id, key = request.client_id, request.key
        leg = self.legs[key.leg - 1]
        if key.exit:
            live = leg.live_exits
            if client_id == leg.exit_ids[-1]:
                leg.exit = order
        else:
            live = leg.live_entries
            if client_id == leg.entry_ids[-1]:
                leg.entry = order
        if lifecycle.is_terminal:
            live.pop(client_id, None)
        else:
            live[client_id] = order
        if lifecycle.is_unknown:
            self.in_doubt.add(client_id)
        elif self.in_doubt:
            self.in_doubt.discard(client_id)
        return leg

    @property
    def state_once_known(self) -> GroupState | None:
        """Its state; while it is STUCK, the one it goes on in once its legs are known."""
        return self.came_from if self.state is GroupState.STUCK else self.state

    @property
    def scopes(self) -> tuple[str, str, str]:
        """The scopes of the kill switch that it stands in."""
        return scopes_of(self.group.strategy, self.account)

    @property
    def is_flat(self) -> bool:
        """Nothing is held through any leg."""
        return all(leg.entered == leg.left for leg in self.legs)

    @property
    def has_working(self) -> bool:
        """An order of any of its legs, either way, may still fill."""
        return any(
            leg.may_enter or leg.may_leave
            for leg in self.legs
            if leg.live_entries or leg.live_exits
        )

    def begin_at(self, at: int) -> None:
        """Note when its entry began, and until when it may take."""
        self.started_at = at
        deadline_s = self.group.plan.policy.deadline_s
        if deadline_s is not None:
            self.deadline = at + ns(deadline_s)

    def rests(self, now: int) -> bool:
        """Say whether only an order's report or the deadline can change anything while it enters.

        Its prices are its author's own, so nothing is chased, and nothing waits to be tried again.
        """
        if self.keeps_what_filled or self.naked_since is not None:
            return False
        for leg in self.legs:
            plan = leg.plan
            if (plan.limit is None and plan.trigger is None) or leg.retry_at > now:
                return False
        return True

    def uncovered_short(self) -> int:
        """Units of sold options that the part's own bought options do not cover, right by right."""
        return _uncovered((leg.instrument.right, leg.signed_net) for leg in self.legs)

    @property
    def has_entered(self) -> bool:
        """Something of the entry was filled, whatever became of it."""
        return any(leg.entered for leg in self.legs)

    @property
    def is_whole(self) -> bool:
        """Every leg is filled to its target and nothing of it was left again."""
        return all(leg.entered >= leg.plan.quantity and not leg.left for leg in self.legs)


class Group:
    """A leg group: the plan, its parts by account, and what it has earned.

    Authors read what ``engine.author.GroupView`` names; everything else is the kernel's.
    ``group_id`` is what ``engine explain`` takes, ``name`` the author's own for it.
    """

    def __init__(
        self, desk: Desk, plan: GroupPlan, legs_by_account: dict[str, list[LegPlan]]
    ) -> None:
        self._desk = desk
        self.plan = plan
        self.group_id: Final = plan.group_id
        self.name: Final = plan.name
        self.strategy: Final = plan.strategy
        self.chase_every_ns: Final = ns(plan.policy.chase_every_s)
        self.exit_deadline_ns: Final = ns(plan.policy.exit_deadline_s)
        self.parts: dict[str, Part] = {
            account: Part(self, account, [LegRun(leg) for leg in legs])
            for account, legs in legs_by_account.items()
        }
        self.state = GroupState.DRAFT
        self.is_done = False
        self.price_deadline = 0
        self.price_timer: Timer | None = None
        self.told = GroupState.DRAFT
        self.is_forgotten = False
        self._cash = 0.0
        self._premium = 0.0
        self._net: dict[Instrument, int] = {}
        self._cash_of: dict[Instrument, Decimal] = {}
        self._entered: dict[Instrument, tuple[int, Decimal]] = {}
        self.realised_cash = ZERO

    def __repr__(self) -> str:
        return f"<{self.group_id} {self.state}>"

    @property
    def why(self) -> str:
        """Why it is in that state, in the words of the part that speaks for it."""
        state = self.state
        part = next(part for part in self.parts.values() if part.state is state)
        return (part.exit_reason if state.is_terminal else "") or part.why

    @property
    def is_held(self) -> bool:
        """Every leg is filled to its target, in every account where the group is not over."""
        return self.state is GroupState.HELD

    def note_state(self) -> None:
        """Keep ``state`` and ``is_done`` after a part moved: hooks read them at every tick.

        ``state`` is the least settled state of the parts; ``is_done``: flat, and nothing more will
        be sent for it.
        """
        if len(self.parts) == 1:
            (part,) = self.parts.values()
            self.state = part.state
        else:
            self.state = least_settled([part.state for part in self.parts.values()])
        self.is_done = self.state.is_terminal  # Those that are over come last.

    @property
    def is_open(self) -> bool:
        """Something of it is held or working."""
        return not self.is_done

    @property
    def entry_premium_inr(self) -> float:
        """Rupees received (positive) or paid (negative) by what was entered."""
        return self._premium

    @property
    def pnl_inr(self) -> float:
        """Realised plus unrealised, before charges; marks are last prices."""
        total = self._cash
        ticks = self._desk.book.ticks
        for instrument, net in self._net.items():
            if net:
                tick = ticks[instrument.index]
                if tick is not None:
                    total += net * tick.last
        return total

    @property
    def loss_pct(self) -> float:
        """How much of the entry premium is lost, percent; negative in profit, 0.0 before entry."""
        if not self._premium:
            return 0.0
        return -self.pnl_inr / abs(self._premium) * 100

    @property
    @exactly
    def payoff(self) -> Payoff | None:
        """What it earns at expiry if held as it is, before charges; None before the first fill.

        Of its real fills, all accounts together: what was left already counts with its result.
        """
        if not self._net:
            return None
        return payoff(
            PayoffLeg(instrument, net, self._cash_of[instrument])
            for instrument, net in self._net.items()
        )

    @property
    def legs(self) -> tuple[LegPlan, ...]:
        """The planned legs, of every account."""
        return tuple(leg.plan for leg in self.runs())

    def quantity(self, instrument: Instrument) -> int:
        """Return the net units held of one instrument: positive long, negative short."""
        return self._net.get(instrument, 0)

    def average_price(self, instrument: Instrument) -> float | None:
        """Return the mean price at which ``instrument`` was entered, None before a fill."""
        units, value = self._entered.get(instrument, (0, ZERO))
        return float(ARITHMETIC.divide(value, units)) if units else None

    def runs(self) -> Iterator[LegRun]:
        """Every leg of every part."""
        for part in self.parts.values():
            yield from part.legs

    def note_fill(self, fill: Fill, *, is_exit: bool) -> None:
        """Count a fill into the group's cash, net quantities and entry premium."""
        instrument, quantity, moved = fill.instrument, fill.quantity, fill.value
        sign = fill.side.sign
        value: Decimal = moved * -sign
        self.realised_cash += value
        self._cash = float(self.realised_cash)
        self._net[instrument] = self._net.get(instrument, 0) + quantity * sign
        self._cash_of[instrument] = self._cash_of.get(instrument, ZERO) + value
        if not is_exit:
            self._premium += float(value)
            units, before = self._entered.get(instrument, (0, ZERO))
            self._entered[instrument] = (units + quantity, before + moved)


def _uncovered(units_by_right: Iterable[tuple[Right | None, int]]) -> int:
    net: dict[Right, int] = {}
    for right, units in units_by_right:
        if right is not None:
            net[right] = net.get(right, 0) + units
    return sum(max(0, -units) for units in net.values())
