"""The gate: judges whatever can raise exposure, and is the only maker of ``Approved``.

It remembers two things between judgements: what it approved a moment ago, for duplicates, and how
often each strategy was rejected in a row. All else comes from the view, so the same history gives
the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.errors import InvariantBroken
from engine.model.approval import Approved, Check, Refusal
from engine.model.command import Batch, Replacement
from engine.model.instrument import Instrument
from engine.model.order import Lifecycle, Order, OrderRequest
from engine.model.side import Side
from engine.ports import Breach, LossLimit, Rechecked, RiskView
from engine.rules.clock_time import ns
from engine.rules.sessions import Sessions
from risk import rules
from risk.case import Case, LiveOrders, Policy, Recent, Rule, exact, is_computable, rupees
from risk.hours import TradingHours
from risk.limits import AccountLimits, StrategyLimits, set_by, stricter

Fingerprint = tuple[str, str, Instrument, Side, int, Decimal, Decimal | None]
Checks = tuple[Check, ...]

_ACCEPTED: Final = (Lifecycle.FILLED, Lifecycle.CANCELLED, Lifecycle.EXPIRED)


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
        self._trading_date = trading_date
        self._policies = {
            strategy: Policy(
                limits=stricter(account_limits, own, strategy),
                account=account_limits,
                own=frozenset(set_by(own)),
            )
            for strategy, own in strategy_limits.items()
        }
        self._own_rules = {
            strategy: tuple(r for name, r in rules.OF_STRATEGY.items() if name in policy.own)
            for strategy, policy in self._policies.items()
        }
        self._max_loss_inr = account_limits.max_loss_inr
        self._own_losses = {
            strategy: policy.limits.max_loss_inr
            for strategy, policy in self._policies.items()
            if "max_loss_inr" in policy.own
        }
        self._duplicate_window_ns = max(
            (ns(policy.limits.duplicate_window_s) for policy in self._policies.values()), default=0
        )
        self._rejections: dict[str, int] = {}
        self._recent: dict[Fingerprint, Recent] = {}

    def limits(self, strategy: str) -> AccountLimits:
        """Return the limits that hold for one strategy."""
        return self._policy(strategy).limits

    # -- judging ---------------------------------------------------------------------------------

    def judge(self, batch: Batch, view: RiskView) -> Approved[Batch] | Refusal:
        """Judge child orders together; see ``engine.ports.RiskGate``."""
        requests = batch.requests
        if not requests:
            raise InvariantBroken("an empty batch was sent to risk")
        ids = frozenset(request.client_id for request in requests)
        live = LiveOrders(view, ids)
        group_rules = self._group_rules(batch)
        verdicts = []
        for position, request in enumerate(requests):
            case = self._case(
                request, view, live=live, batch=requests, position=position, whole=batch.whole
            )
            asked = self._placing_rules(request) + group_rules.get(position, ())
            verdicts.append(_run(case, asked))
        refusal = _refusal(verdicts)
        if refusal is not None:
            return refusal
        for request in requests:
            self._remember(request, view.now)
        return Approved(batch, tuple(check for checks in verdicts for check in checks))

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
        passed: list[OrderRequest] = []
        checks: list[Check] = []
        refused: list[tuple[OrderRequest, Refusal]] = []
        for request in requests:
            verdict = self.recheck(request, view)
            if isinstance(verdict, Refusal):
                refused.append((request, verdict))
            else:
                passed.append(request)
                checks += verdict.checks
        approved = Approved(Batch(requests=tuple(passed)), tuple(checks)) if passed else None
        return Rechecked(approved, tuple(refused))

    # -- watching --------------------------------------------------------------------------------

    def loss_limits(self, view: RiskView) -> Sequence[LossLimit]:
        """Return the loss limits there are.

        That of all accounts together comes first, then each account's, which is the same while only
        one has traded, then the strategies' own.
        """
        most, accounts = self._max_loss_inr, view.accounts()
        limits = [LossLimit(None, None, most)]
        if len(accounts) > 1:
            limits += [LossLimit(None, account, most) for account in accounts]
        limits += [LossLimit(strategy, None, own) for strategy, own in self._own_losses.items()]
        return limits

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
            self._rejections.pop(strategy, None)
        if order.lifecycle is not Lifecycle.REJECTED:
            return None
        count = self._rejections[strategy] = self._rejections.get(strategy, 0) + 1
        policy = self._policies.get(strategy)
        if policy is None or count < policy.limits.max_rejections:
            return None
        return (
            f"{count} orders were rejected in a row, limit {policy.limits.max_rejections}; "
            f"the last: {order.reason or 'no reason given'}"
        )

    def forgive(self, strategy: str) -> None:
        """Forget the rejections of a strategy that a person armed again."""
        self._rejections.pop(strategy, None)

    def rejections(self) -> Mapping[str, int]:
        """Return how often each strategy was rejected in a row, of those that were."""
        return self._rejections

    # -- inside ----------------------------------------------------------------------------------

    def _policy(self, strategy: str) -> Policy:
        try:
            return self._policies[strategy]
        except KeyError:
            raise InvariantBroken(f"risk was told of no strategy {strategy!r}") from None

    def _placing_rules(self, request: OrderRequest) -> tuple[Rule, ...]:
        if request.purpose.reduces:
            return rules.EXIT
        return rules.ENTRY + self._own_rules[request.strategy]

    def _group_rules(self, batch: Batch) -> Mapping[int, tuple[Rule, ...]]:
        """Return the rules about the group itself, by the place of the order that speaks for it.

        That is the first order of each account, and the very first for the strategy. They look at
        every order, so none is asked while one of them is such that nothing can be computed.
        """
        requests = batch.requests
        if not batch.planned or not all(is_computable(request) for request in requests):
            return {}
        policy = self._policy(requests[0].strategy)
        of_account = tuple(
            rule for name, rule in rules.GROUP.items() if getattr(policy.account, name) is not None
        )
        found: dict[int, tuple[Rule, ...]] = {}
        seen: list[str] = []
        for position, request in enumerate(requests):
            if request.key.account not in seen:
                seen.append(request.key.account)
                found[position] = of_account
        found[0] += tuple(r for name, r in rules.GROUP_OF_STRATEGY.items() if name in policy.own)
        return found

    def _alone(self, request: OrderRequest, view: RiskView, standing: Order | None = None) -> Case:
        live = LiveOrders(view, (request.client_id,))
        return self._case(
            request, view, live=live, batch=(request,), position=0, whole=False, standing=standing
        )

    def _case(
        self,
        request: OrderRequest,
        view: RiskView,
        *,
        live: LiveOrders,
        batch: tuple[OrderRequest, ...],
        position: int,
        whole: bool,
        standing: Order | None = None,
    ) -> Case:
        policy = self._policy(request.strategy)
        return Case(
            request=request,
            batch=batch,
            position=position,
            whole=whole,
            live=live,
            view=view,
            policy=policy,
            hours=self._hours,
            trading_date=self._trading_date,
            rejections=self._rejections.get(request.strategy, 0),
            recent=self._recently(request, view.now, policy),
            standing=standing,
        )

    def _recently(self, request: OrderRequest, now: int, policy: Policy) -> Recent | None:
        # A signalling NaN has no hash; such an order is refused for its price.
        recent = self._recent.get(_fingerprint(request)) if is_computable(request) else None
        if recent is None or recent.group_id == request.key.group_id:
            return None
        return recent if now - recent.at < ns(policy.limits.duplicate_window_s) else None

    def _remember(self, request: OrderRequest, now: int) -> None:
        for fingerprint in list(self._recent):
            if now - self._recent[fingerprint].at < self._duplicate_window_ns:
                break
            del self._recent[fingerprint]
        key = _fingerprint(request)
        self._recent.pop(key, None)
        self._recent[key] = Recent(now, request.key.group_id, request.client_id)


def _fingerprint(request: OrderRequest) -> Fingerprint:
    return (
        request.strategy,
        request.key.account,
        request.instrument,
        request.side,
        request.quantity,
        request.price,
        request.trigger_price,
    )


def _run(case: Case, table: tuple[Rule, ...]) -> Checks:
    chosen = table if is_computable(case.request) else rules.SANITY
    return tuple([rule(case) for rule in chosen])


def _refusal(verdicts: Sequence[Checks]) -> Refusal | None:
    """Return the refusal of a batch, given each order's checks; None when everything passed.

    The deciding check is the first that failed. The quantity it names is for that order and would
    pass every rule, which is None where one of them fails whatever the quantity.
    """
    for checks in verdicts:
        failed = [check for check in checks if not check.passed]
        if failed:
            break
    else:
        return None
    first = failed[0]
    notes = [first.note] if first.note else []
    if len(failed) > 1:
        notes.append(f"also failed: {', '.join(check.rule for check in failed[1:])}")
    decided = msgspec.structs.replace(
        first, largest_quantity=_largest(failed), note="; ".join(notes)
    )
    every = tuple(check for checks in verdicts for check in checks)
    return Refusal(failed=decided, checks=every)


def _largest(failed: Sequence[Check]) -> int | None:
    # What passed the quantity asked passes any smaller one, so only the failures bound it.
    quantities = [check.largest_quantity for check in failed]
    if any(quantity is None for quantity in quantities):
        return None
    return min(quantity for quantity in quantities if quantity is not None)
