"""The rules in their order, one table per thing that is judged.

An exit is never held back by a limit on entries (reliability.md 4.3): its tables hold only what is
about correctness. Rules by limit name are added for a strategy that sets that limit itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from risk import exposure_rules as exposure
from risk import group_rules as group
from risk import order_rules as order
from risk import price_rules as price
from risk.case import Rule

SANITY: Final[tuple[Rule, ...]] = (order.instrument_valid, order.tick_and_sign)
"""For an order so malformed that the other rules have nothing to compute with."""

ENTRY: Final[tuple[Rule, ...]] = (
    order.trading_state,
    order.session,
    order.entry_window,
    order.instrument_valid,
    order.order_type,
    order.quantity,
    order.freeze,
    order.tick_and_sign,
    price.day_range,
    price.reference_fresh,
    price.entry_collar,
    order.rejections,
    order.duplicate,
    order.order_value,
    exposure.open_orders,
    exposure.position,
    exposure.uncovered_short,
    exposure.daily_loss,
)
"""What an entry or a hedge must pass."""

EXIT: Final[tuple[Rule, ...]] = (
    order.trading_state,
    order.session,
    order.instrument_valid,
    order.order_type,
    order.exit_quantity,
    order.freeze,
    order.tick_and_sign,
    price.day_range,
    price.exit_collar,
    exposure.reduce_only,
)
"""What an exit, an unwind or a flattening must pass."""

ENTRY_CHANGE: Final[tuple[Rule, ...]] = (
    order.trading_state,
    order.session,
    order.standing,
    order.order_type,
    order.quantity,
    order.freeze,
    order.tick_and_sign,
    price.day_range,
    price.reference_fresh,
    price.entry_collar,
    order.order_value,
    exposure.position,
    exposure.uncovered_short,
)
"""What another price or quantity of a standing entry must pass."""

EXIT_CHANGE: Final[tuple[Rule, ...]] = (
    order.trading_state,
    order.session,
    order.standing,
    order.order_type,
    order.exit_quantity,
    order.freeze,
    order.tick_and_sign,
    price.day_range,
    price.exit_collar,
    exposure.reduce_only,
)
"""What another price or quantity of a standing exit must pass."""

ENTRY_RELEASE: Final[tuple[Rule, ...]] = (
    order.trading_state,
    order.session,
    order.intent_expiry,
    price.reference_fresh,
    price.entry_collar,
)
"""What time may have changed about an entry that waited for the governor."""

EXIT_RELEASE: Final[tuple[Rule, ...]] = (
    order.trading_state,
    order.session,
    order.intent_expiry,
    price.exit_collar,
    exposure.reduce_only,
)
"""What time may have changed about an exit that waited for the governor."""

OF_STRATEGY: Final[Mapping[str, Rule]] = {
    "max_open_orders": exposure.strategy_open_orders,
    "max_position_lots": exposure.strategy_position,
    "max_uncovered_short_lots": exposure.strategy_uncovered_short,
    "max_loss_inr": exposure.strategy_daily_loss,
}
"""Rules that count a strategy alone, by the limit that asks for them."""

GROUP: Final[Mapping[str, Rule]] = {"max_group_loss_inr": group.group_loss}
"""What a group about to be entered must pass in each account, by the limit that asks for it."""

GROUP_OF_STRATEGY: Final[Mapping[str, Rule]] = {"max_group_loss_inr": group.strategy_group_loss}
"""The same over all accounts of the strategy, by its own limit."""
