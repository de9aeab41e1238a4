"""What a session's executed orders cost, by the plan of their account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from engine.errors import FileError
from engine.model.instrument import Instrument
from engine.model.money import ZERO
from engine.model.order import Order
from engine.model.tariff import Tariff
from engine.rules.charges import KINDS, Charges, Contract, Traded, day_charges, plan_of
from engine.runtime.readmodel_schema import ChargeRow, SessionRow
from engine.runtime.readmodel_tables import Tables


def add_charges(
    tables: Tables, session: SessionRow, orders: Iterable[Order], tariff: Tariff
) -> dict[str, Decimal | None]:
    """Add what each executed order cost, and return the sums by client id.

    Orders of one account in one instrument are charged together, as a day's note does. None where
    a rate is not known; the session then says why.
    """
    totals: dict[str, Decimal | None] = {}
    together: dict[tuple[str, Instrument], list[Order]] = {}
    for order in orders:
        totals[order.client_id] = ZERO
        if order.filled_value:
            together.setdefault((order.account, order.instrument), []).append(order)
    day = date.fromisoformat(session.trading_date)
    for (account, _), executed in together.items():
        try:
            plan = plan_of(account, tariff)
            charged = day_charges([_traded(order) for order in executed], day, plan, tariff)
        except FileError as error:
            session.charges_unknown = str(error)
            totals.update((order.client_id, None) for order in executed)
            continue
        for order, charges in zip(executed, charged, strict=True):
            tables.add(_charge_row(order, charges))
            totals[order.client_id] = charges.total
    return totals


def _traded(order: Order) -> Traded:
    return Traded(
        contract=Contract.of(order.instrument),
        side=order.side,
        product=order.request.product,
        quantity=order.filled_quantity,
        value=order.filled_value,
    )


def _charge_row(order: Order, charges: Charges) -> ChargeRow:
    return ChargeRow(
        client_id=order.client_id,
        group_id=order.key.group_id,
        strategy=order.strategy,
        account=order.account,
        instrument=order.instrument.key,
        **{kind: getattr(charges, kind) for kind in KINDS},
    )
