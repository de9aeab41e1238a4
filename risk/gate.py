"""The gate: judges whatever can raise exposure, and is the only maker of ``Approved``.

It remembers two things between judgements: what it approved a moment ago, for duplicates, and how
often each strategy was rejected in a row. All else comes from the view, so the same history gives
the same answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import chain
from operator import attrgetter
from typing import Final

import msgspec

from engine.errors import InvariantBroken
from engine.model.approval import Approved, Check, Refusal
from engine.model.command import Batch, Replacement
from engine.model.order import Lifecycle, Order, OrderRequest
from engine.ports import Breach, LossLimit, Rechecked, RiskView
from engine.rules.sessions import Sessions
from risk import rules
from risk.case import (
    Case,
    LiveOrders,
    Memory,
    Policy,
    Recent,
    Rule,
    exact,
    fingerprint,
    is_computable,
    rupees,
)
from risk.hours import TradingHours
from risk.limits import AccountLimits, StrategyLimits, set_by, stricter

Checks = tuple[Check, ...]

_ACCEPTED: Final = (Lifecycle.FILLED, Lifecycle.CANCELLED, Lifecycle.EXPIRED)

_passed: Final = attrgetter("passed")


class Gate:
    """Implements ``engine.ports.RiskGate`` for one trading day.

    ``strategy_limits`` names every strategy that may ask. Raises ``ConfigError`` where one of them
    would be looser than the account.
    """

    def __init__(
        self,
        account_limits: AccountLimits,
        strategy_limits: Mapping[str, StrategyLimits],
        sessions: Sessions,
        trading_date: date,
    ) -> None:
        self._hours = TradingHours(sessions, trading_date)
        self._policies = {
            strategy: Policy(
                limits=stricter(account_limits, own, strategy),
                account=account_limits,
                own=frozenset(set_by(own)),
            )
            for strategy, own in strategy_limits.items()
        }
        self._entry = {
            strategy: rules.ENTRY + _asked_by(policy.own, rules.OF_STRATEGY)
            for strategy, policy in self._policies.items()
        }
        self._group_rules_of = {
            strategy: _asked_by(policy.own, rules.GROUP_OF_STRATEGY)
            for strategy, policy in self._policies.items()
        }
        self._group_rules_of_account = _asked_by(
            {name for name in rules.GROUP if getattr(account_limits, name) is not None}, rules.GROUP
        )
        self._max_loss_inr = account_limits.max_loss_inr
        self._own_losses = {
            strategy: policy.limits.max_loss_inr
            for strategy, policy in self._policies.items()
            if "max_loss_inr" in policy.own
        }
        self._duplicate_window_ns = max(
            (policy.duplicate_window_ns for policy in self._policies.values()), default=0
        )
        self._memory = Memory(recent={}, rejections={})
        self._loss_limits: tuple[Sequence[str], tuple[LossLimit, ...]] | None = None

    def limits(self, strategy: str) -> AccountLimits:
        """Return the limits that hold for one strategy."""
        return self._policy(strategy).limits

    # -- judging ---------------------------------------------------------------------------------

    def judge(self, batch: Batch, view: RiskView) -> Approved[Batch] | Refusal:
        """Judge child orders together; see ``engine.ports.RiskGate``."""
        requests = batch.requests
        if not requests:
            raise InvariantBroken("an empty batch was sent to risk")
        live = LiveOrders(view, {request.client_id for request in requests})
        group_rules = self._group_rules(batch)
        verdicts = []
        for position, request in enumerate(requests):
            case = Case(
                request,
                view,
                self._policy(request.strategy),
                self._hours,
                self._memory,
                live,
                batch=requests,
                earlier=requests[:position],
                whole=batch.whole,
            )
            asked = rules.EXIT if request.purpose.reduces else self._entry[request.strategy]
            verdicts.append(_run(case, asked + group_rules.get(position, ())))
        refusal = _refusal(verdicts)
        if refusal is not None:
            return refusal
        for request in requests:
            self.remember(request, view.now)
        return Approved(batch, tuple(chain.from_iterable(verdicts)))

    def judge_replacement(
        self, order: Order, replacement: Replacement, view: RiskView
    ) -> Approved[Replacement] | Refusal:
        """Judge a change at the worse of old and new; see ``engine.ports.RiskGate``."""
        request = msgspec.structs.replace(
            order.request,
            quantity=replacement.quantity,
            price=replacement.price,
            trigger_price=replacement.trigger_price,
            purpose=replacement.purpose,
        )
        table = rules.EXIT_CHANGE if request.purpose.reduces else rules.ENTRY_CHANGE
        checks = _run(self._alone(request, view, standing=order), table)
        refusal = _refusal([checks])
        return refusal if refusal is not None else Approved(replacement, checks)

    def recheck(self, request: OrderRequest, view: RiskView) -> Approved[Batch] | Refusal:
        """Judge one order again by what time may have changed."""
        table = rules.EXIT_RELEASE if request.purpose.reduces else rules.ENTRY_RELEASE
        checks = _run(self._alone(request, view), table)
        refusal = _refusal([checks])
        return refusal if refusal is not None else Approved(Batch(requests=(request,)), checks)

    def recheck_each(self, requests: Sequence[OrderRequest], view: RiskView) -> Rechecked:
        """Judge each of these again alone; see ``engine.ports.RiskGate``."""
        passed: list[Approved[Batch]] = []
        refused: list[tuple[OrderRequest, Refusal]] = []
        for request in requests:
            verdict = self.recheck(request, view)
            if isinstance(verdict, Refusal):
                refused.append((request, verdict))
            else:
                passed.append(verdict)
        return Rechecked(_together(passed), tuple(refused))

    # -- watching --------------------------------------------------------------------------------

    def loss_limits(self, view: RiskView) -> Sequence[LossLimit]:
        """Return the loss limits there are.

        That of all accounts together comes first, then each account's, which is the same while only
        one has traded, then the strategies' own.
        """
        accounts = view.accounts()
        known = self._loss_limits
        if known is not None and known[0] == accounts:
            return known[1]
        most = self._max_loss_inr
        limits = [LossLimit(None, None, most)]
        if len(accounts) > 1:
            limits += [LossLimit(None, account, most) for account in accounts]
        limits += [LossLimit(strategy, None, own) for strategy, own in self._own_losses.items()]
        found = tuple(limits)
        self._loss_limits = accounts, found
        return found

    def breaches(self, view: RiskView) -> Sequence[Breach]:
        """Return the loss limits that are broken now, in the order of ``loss_limits``."""
        found = []
        for strategy, account, limit in self.loss_limits(view):
            pnl = view.day_pnl_inr(strategy=strategy, account=account)
            if pnl <= -float(limit):
                text = f"daily loss: {rupees(exact(pnl))}, limit {rupees(-limit)}"
                found.append(Breach(strategy, account, pnl, float(limit), text))
        return found

    def note_order(self, order: Order) -> str | None:
        """Count a strategy's rejections in a row; return why it must halt at the last one allowed.

        An order that was accepted, whatever became of it, ends the row. A strategy that is gone
        from the configuration is counted as before, and has no limit here.
        """
        strategy = order.strategy
        if order.lifecycle in _ACCEPTED:
            self._memory.rejections.pop(strategy, None)
        if order.lifecycle is not Lifecycle.REJECTED:
            return None
        rejections = self._memory.rejections
        count = rejections[strategy] = rejections.get(strategy, 0) + 1
        policy = self._policies.get(strategy)
        if policy is None or count < policy.limits.max_rejections:
            return None
        return (
            f"{count} orders were rejected in a row, limit {policy.limits.max_rejections}; "
            f"the last: {order.reason or 'no reason given'}"
        )

    def remember(self, request: OrderRequest, at: int) -> None:
        """Take an order for one approved ``at`` that time: the same one again is a duplicate."""
        recent = self._memory.recent
        for known in list(recent):
            if at - recent[known].at < self._duplicate_window_ns:
                break
            del recent[known]
        key = fingerprint(request)
        recent.pop(key, None)
        recent[key] = Recent(at, request.key.group_id, request.client_id)

    def forgive(self, strategy: str) -> None:
        """Forget the rejections of a strategy that a person armed again."""
        self._memory.rejections.pop(strategy, None)

    def rejections(self) -> Mapping[str, int]:
        """Return how often each strategy was rejected in a row, of those that were."""
        return self._memory.rejections

    # -- inside ----------------------------------------------------------------------------------

    def _policy(self, strategy: str) -> Policy:
        try:
            return self._policies[strategy]
        except KeyError:
            raise InvariantBroken(f"risk was told of no strategy {strategy!r}") from None

    def _group_rules(self, batch: Batch) -> Mapping[int, tuple[Rule, ...]]:
        """Return the rules about the group itself, by the place of the order that speaks for it.

        That is the first order of each account, and the very first for the strategy. They look at
        every order, so none is asked while one of them is such that nothing can be computed.
        """
        requests = batch.requests
        of_strategy = self._group_rules_of.get(requests[0].strategy, ())
        of_account = self._group_rules_of_account
        if not batch.planned or not (of_account or of_strategy):
            return {}
        if not all(is_computable(request) for request in requests):
            return {}
        found: dict[int, tuple[Rule, ...]] = {}
        seen: list[str] = []
        for position, request in enumerate(requests):
            if request.key.account not in seen:
                seen.append(request.key.account)
                found[position] = of_account
        found[0] += of_strategy
        return found

    def _alone(self, request: OrderRequest, view: RiskView, standing: Order | None = None) -> Case:
        return Case(
            request,
            view,
            self._policy(request.strategy),
            self._hours,
            self._memory,
            LiveOrders(view, (request.client_id,)),
            batch=(request,),
            standing=standing,
        )


def _run(case: Case, table: tuple[Rule, ...]) -> Checks:
    chosen = table if is_computable(case.request) else rules.SANITY
    return tuple([rule(case) for rule in chosen])


def _asked_by(names: Collection[str], table: Mapping[str, Rule]) -> tuple[Rule, ...]:
    return tuple(rule for name, rule in table.items() if name in names)


def _together(passed: Sequence[Approved[Batch]]) -> Approved[Batch] | None:
    """Return the approval of all these single orders as one batch; None without any."""
    if len(passed) < 2:
        return passed[0] if passed else None
    requests = tuple(request for each in passed for request in each.item.requests)
    checks = tuple(check for each in passed for check in each.checks)
    return Approved(Batch(requests=requests), checks)


def _refusal(verdicts: Sequence[Checks]) -> Refusal | None:
    """Return the refusal of a batch, given each order's checks; None when everything passed.

    The deciding check is the first that failed. The quantity it names is for that order and would
    pass every rule, which is None where one of them fails whatever the quantity.
    """
    for checks in verdicts:
        if not all(map(_passed, checks)):
            break
    else:
        return None
    failed = [check for check in checks if not check.passed]
    first = failed[0]
    notes = [first.note] if first.note else []
    if len(failed) > 1:
        notes.append(f"also failed: {', '.join(check.rule for check in failed[1:])}")
    decided = msgspec.structs.replace(
        first, largest_quantity=_largest(failed), note="; ".join(notes)
    )
    return Refusal(failed=decided, checks=tuple(chain.from_iterable(verdicts)))


def _largest(failed: Sequence[Check]) -> int | None:
    # What passed the quantity asked passes any smaller one, so only the failures bound it.
    quantities = [check.largest_quantity for check in failed]
    if any(quantity is None for quantity in quantities):
        return None
    return min(quantity for quantity in quantities if quantity is not None)
