"""What stands in our accounts and is not ours: other people's orders, and units none of us bought.

They are counted, so that exposure and a kill see them, and never managed (reliability.md 1.4
rule 7). Units come from a stranger's fills, from what an account held before the day began, and
from what a person accepted.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.core.desk import Desk
from engine.model.instrument import Instrument
from engine.model.order import Product
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.record import ForeignHeld, ForeignSeen

_Held = tuple[str, Instrument, Product]
_ENDED = frozenset(
    {
        RemoteStatus.FILLED,
        RemoteStatus.CANCELLED,
        RemoteStatus.REJECTED,
        RemoteStatus.EXPIRED,
    }
)


class Foreign:
    """Strangers' orders by account and broker id, and the units that are nobody's of ours."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.orders: dict[tuple[str, str], OrderUpdate] = {}
        self._units: dict[_Held, int] = {}
        self._counted: dict[tuple[str, str], int] = {}
        self._nameless: set[OrderUpdate] = set()

    def see(self, update: OrderUpdate) -> bool:
        """Take in what is said of a stranger's order; True when it was not known before.

        One without a broker id cannot be told from the next and is only alerted, once. The fills of
        the others count once, as the growth of a quantity, where instrument, side and product are
        shown.
        """
        desk = self._desk
        if update.broker_id is None:
            if update in self._nameless:
                return False
            self._nameless.add(update)
            what = f"{update.status} for {update.quantity} without an order id"
            desk.alert("warning", update.account, f"{update.source} speaks of a stranger's {what}")
            return False
        key = update.account, update.broker_id
        before = self.orders.get(key)
        if before is not None and not (_is_news(before, update) or self._is_named(key, update)):
            return False
        uncounted = self._count(key, update)
        if uncounted:
            desk.alert(
                "critical",
                update.account,
                f"order {update.broker_id}, which is not ours, filled {uncounted} units of "
                f"something {update.source} does not name: they are not counted",
            )
        desk.keep(ForeignSeen(desk.now, desk.kseq, update))
        return before is None

    def hold(self, account: str, row: tuple[Instrument, Product, int], who: str, why: str) -> None:
        """Count units (instrument, product, signed quantity) that none of our orders explains."""
        desk = self._desk
        instrument, product, units = row
        held = account, instrument, product
        self._units[held] = self._units.get(held, 0) + units
        desk.keep(ForeignHeld(desk.now, desk.kseq, account, instrument, product, units, who, why))

    def restore(self, record: ForeignSeen | ForeignHeld) -> None:
        """Take in what the journal kept of an earlier process, writing nothing."""
        if isinstance(record, ForeignHeld):
            held = record.account, record.instrument, record.product
            self._units[held] = self._units.get(held, 0) + record.quantity
            return
        update = record.update
        if update.broker_id is not None:
            self._count((update.account, update.broker_id), update)

    def _count(self, key: tuple[str, str], update: OrderUpdate) -> int:
        """Keep an update and count its growth; return the units that nothing says the name of.

        They are counted once a later report of the order names what it trades.
        """
        before = self.orders.get(key, update)
        filled = max(before.filled_quantity or 0, update.filled_quantity or 0)
        update = msgspec.structs.replace(
            update,
            filled_quantity=filled,
            instrument=update.instrument or before.instrument,
            side=update.side or before.side,
            product=update.product or before.product,
        )
        self.orders[key] = update
        growth = filled - self._counted.get(key, 0)
        if not (update.instrument and update.side and update.product):
            return growth
        self._counted[key] = filled
        if growth:
            held = update.account, update.instrument, update.product
            self._units[held] = self._units.get(held, 0) + growth * update.side.sign
        return 0

    def _is_named(self, key: tuple[str, str], update: OrderUpdate) -> bool:
        """Say whether an update names what units of its order trade that are not counted yet."""
        filled = self.orders[key].filled_quantity or 0
        is_named = update.instrument and update.side and update.product
        return filled > self._counted.get(key, 0) and bool(is_named)

    def ids(self, account: str) -> Iterator[str]:
        """Return the broker ids of the strangers' orders in an account."""
        return (broker_id for owner, broker_id in self.orders if owner == account)

    def units(self, account: str, instrument: Instrument, product: Product) -> int:
        """Return the net units of one instrument and product in an account that are not ours."""
        return self._units.get((account, instrument, product), 0)

    def counted(self) -> tuple[tuple[str, str, Product, int], ...]:
        """Return all units that are not ours, in the order they were first counted."""
        return tuple((a, i.key, p, units) for (a, i, p), units in self._units.items())

    def held(self, account: str | None = None) -> Iterator[tuple[Instrument, Product, int]]:
        """Return every net quantity that is not ours, of one account or of all."""
        for (owner, instrument, product), units in self._units.items():
            if units and account in {None, owner}:
                yield instrument, product, units

    def working(self, account: str) -> Iterator[OrderUpdate]:
        """Return the strangers' orders in an account that may still fill."""
        for (owner, _), update in self.orders.items():
            if owner == account and update.status not in _ENDED:
                yield update


def _is_news(before: OrderUpdate, update: OrderUpdate) -> bool:
    """Say whether an update tells more of a stranger's order than is known.

    One that ended does not work again, and a quantity does not fall: such a report is older.
    """
    if (update.filled_quantity or 0) > (before.filled_quantity or 0):
        return True
    if before.status in _ENDED or (update.filled_quantity or 0) < (before.filled_quantity or 0):
        return False
    shown = (update.status, update.quantity, update.price, update.trigger_price)
    return shown != (before.status, before.quantity, before.price, before.trigger_price)
