"""What an account holds beyond what we know of, instrument by instrument."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.foreign import Foreign
from engine.core.ledger import Ledger
from engine.model.instrument import Instrument
from engine.model.order import Order, Product
from engine.model.snapshot import Snapshot

Units = dict[tuple[Instrument, Product], int]


def differences(
    snapshot: Snapshot, ledger: Ledger, foreign: Foreign, in_doubt: Iterable[Order]
) -> Units | None:
    """Return what the broker says is held less what we know of, None when it did not say.

    What an order in doubt may have filled is no difference.
    """
    if snapshot.positions is None:
        return None
    name = snapshot.account
    units: Units = {}
    for row in snapshot.positions:
        key = row.instrument, row.product
        units[key] = units.get(key, 0) + row.quantity
    for account, product, position in ledger.positions():
        if account == name and position.quantity:
            key = position.instrument, product
            units[key] = units.get(key, 0) - position.quantity
    for instrument, product, quantity in foreign.held(name):
        key = instrument, product
        units[key] = units.get(key, 0) - quantity
    for order in in_doubt:
        key = order.instrument, order.request.product
        signed = units.get(key, 0) * order.side.sign
        if 0 < signed <= order.exposed_quantity:
            units[key] = 0
    return {key: quantity for key, quantity in units.items() if quantity}
