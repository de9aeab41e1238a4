"""What an engine takes for the worst that may happen, held against the worst that may (I4)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from engine.model.order import Lifecycle
from engine.model.side import Side
from tests.simulation.invariants import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.core.kernel import Kernel
    from tests.simulation.broker import Broker

_Where = tuple[str, str]


def worst_is_covered(brokers: Mapping[str, Broker], kernel: Kernel) -> None:
    """I4: no account may come to hold more, long or short, than risk reckons with.

    Limits are judged by that reckoning, so that they hold on the exchange's side as well. What
    arrives after it was proven absent is reckoned with from when it is heard of.
    """
    held: dict[_Where, int] = defaultdict(int)
    rests: dict[tuple[_Where, int], int] = defaultdict(int)
    orders = kernel.blotter.orders
    for broker in brokers.values():
        for row in broker.rows.values():
            order = None if row.tag is None else orders.get(row.tag)
            if order is None or order.lifecycle is Lifecycle.NOT_PLACED:
                continue
            where = row.account, row.key
            held[where] += row.sign * row.filled
            if row.order_id in broker.working.get(row.key, {}):
                rests[where, row.sign] += row.quantity - row.filled
    reckoned: dict[_Where, int] = defaultdict(int)
    for account, _, position in kernel.desk.ledger.positions():
        reckoned[account, position.instrument.key] += position.quantity
    exposed: dict[tuple[_Where, int], int] = defaultdict(int)
    for order in kernel.blotter.live.values():
        where = order.account, order.instrument.key
        exposed[where, order.side.sign] += order.exposed_quantity
    for where, units in held.items():
        for sign in (Side.BUY.sign, Side.SELL.sign):
            truth = sign * units + rests[where, sign]
            ours = sign * reckoned[where] + exposed[where, sign]
            require("I4", truth <= ours, f"{where}: {truth} may come, {ours} are reckoned with")
