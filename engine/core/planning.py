"""What an author asked for, leg by leg and account by account, as it is to be placed."""

from __future__ import annotations

from engine.model.instrument import Instrument
from engine.model.legs import GroupPlan, Leg, LegPlan, LegRole
from engine.model.order import OrderType
from engine.model.side import Side


def legs_by_account(plan: GroupPlan) -> dict[str, list[LegPlan]]:
    """Return the legs of a plan for each of its accounts: units, roles, prices on the grid."""
    sells_options = any(
        leg.side is Side.SELL and leg.instrument.right is not None for leg in plan.legs
    )
    return {
        account: [
            _leg_plan(number, leg, weight, sells_options=sells_options)
            for number, leg in enumerate(plan.legs, start=1)
        ]
        for account, weight in plan.accounts.items()
    }


def _leg_plan(number: int, leg: Leg, weight: int, *, sells_options: bool) -> LegPlan:
    """Return the leg as planned for an account of this weight: units, role and grid prices."""
    instrument, side = leg.instrument, leg.side
    return LegPlan(
        number=number,
        instrument=instrument,
        side=side,
        quantity=leg.lots * instrument.lot_size * weight,
        role=_role(side, instrument, sells_options=sells_options),
        order_type=OrderType.LIMIT if leg.trigger is None else OrderType.STOP_LIMIT,
        limit=None if leg.limit is None else instrument.price(leg.limit, side, "passive"),
        trigger=None if leg.trigger is None else instrument.price(leg.trigger, side, "nearest"),
    )


def _role(side: Side, instrument: Instrument, *, sells_options: bool) -> LegRole:
    """Return what a leg does for its group's risk.

    A bought option hedges only where the group sells options as well.
    """
    if instrument.right is None:
        return LegRole.NEUTRAL
    if side is Side.SELL:
        return LegRole.RISK
    return LegRole.HEDGE if sells_options else LegRole.NEUTRAL
