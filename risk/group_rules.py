"""Rules about a group as a whole, judged once, before anything of it is sent.

The orders are those of every leg, at the prices they would go out at; what becomes of the group
later (chased prices, a leg that fails) is the business of the rules about orders and exposure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from engine.model.approval import Check
from engine.model.instrument import Instrument
from engine.model.order import OrderRequest
from engine.model.payoff import Payoff, Unbounded, is_more, rupees_text
from engine.model.side import Side
from engine.rules.payoff import leg_at, payoff
from risk.case import Case, rupees


def group_loss(case: Case) -> Check:
    """The most the group can lose at expiry in one account."""
    account = case.request.key.account
    requests = [request for request in case.batch if request.key.account == account]
    return _group_loss(case, requests, case.policy.account.max_group_loss_inr, "account")


def strategy_group_loss(case: Case) -> Check:
    """The most the group can lose at expiry in all its accounts, by the strategy's own limit."""
    return _group_loss(case, case.batch, case.limits.max_group_loss_inr, "strategy")


def _group_loss(
    case: Case, requests: Sequence[OrderRequest], most: Decimal | None, scope: str
) -> Check:
    found = payoff_of(requests)
    passed = most is None or not is_more(found.max_loss_inr, most)
    return Check(
        rule="group loss",
        passed=passed,
        figure=f"{rupees_text(found.max_loss_inr)} at expiry",
        limit="none" if most is None else rupees(most),
        scope=scope,
        subject=case.request.key.group_id,
        note="" if passed or most is None else _largest(requests, found, most),
    )


def payoff_of(requests: Sequence[OrderRequest]) -> Payoff:
    """Return the payoff of ``requests`` filled at the prices they carry."""
    return payoff(leg_at(r.instrument, r.side.sign * r.quantity, r.price) for r in requests)


def _largest(requests: Sequence[OrderRequest], found: Payoff, most: Decimal) -> str:
    """Say how large a group of the same proportions may be, in lots a leg."""
    if isinstance(found.max_loss_inr, Unbounded):
        return "no size passes: buy what bounds it"
    lots: dict[tuple[Instrument, Side], int] = {}
    for request in requests:
        leg = (request.instrument, request.side)
        held = request.quantity // request.instrument.lot_size
        lots[leg] = lots.get(leg, 0) + held
    steps = math.gcd(*lots.values())
    passing = int(most * steps / found.max_loss_inr)
    if not passing:
        return "not even the smallest of these proportions passes"
    sizes = [count // steps * passing for count in lots.values()]
    if len(set(sizes)) == 1:
        return f"the largest that passes is {_lots(sizes[0])} a leg"
    legs = zip(lots, sizes, strict=True)
    words = ", ".join(f"{side} {_lots(size)} {i.symbol}" for (i, side), size in legs)
    return f"the largest that passes is {words}"


def _lots(count: int) -> str:
    return f"{count} lot{'' if count == 1 else 's'}"
