"""What trades cost: unrounded, order by order, with the day's other orders in view.

A share bought and sold on one day is taxed as intraday, whatever product it was ordered under
(market_rules.md section 5), and the depository's fee is per scrip and day. So the charges of an
order can depend on others of its account and day: ``day_charges`` takes them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from engine.model.instrument import Segment
from engine.model.money import ZERO
from engine.model.order import Product
from engine.model.side import Side
from engine.model.tariff import Tariff
from engine.rules.charges import tables
from engine.rules.charges.amounts import NO_CHARGES, Charges
from engine.rules.charges.contract import Contract, Taxed, taxed_as
from engine.rules.charges.plans import BrokeragePlan, Item, item_of
from engine.rules.charges.rates import Rates, gst_row, rate_rows
from engine.rules.dated import in_force


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """One executed order: ``quantity`` units for ``value`` rupees, the sum of its fills.

    ``quantity`` is in units of the quote, so that price times quantity is rupees. ``is_square_off``
    marks one that the broker placed to close an intraday position, for which it takes a fee.
    """

    contract: Contract
    side: Side
    product: Product
    quantity: int
    value: Decimal
    is_square_off: bool = False


def charge(at: Rates, side: Side, value: Decimal, brokerage: Decimal = ZERO) -> Charges:
    """Return the charges on ``value`` rupees traded at given rates.

    GST is on brokerage, exchange charge and SEBI's fee, and not on the protection fund's part: so
    on two real contract notes (market_rules.md 6.6a).
    """
    exchange = value * at.exchange
    sebi = value * at.sebi
    is_buy = side is Side.BUY
    return Charges(
        brokerage=brokerage,
        stt=value * (at.stt_buy if is_buy else at.stt_sell),
        exchange=exchange,
        ipft=value * at.ipft,
        sebi=sebi,
        gst=(brokerage + exchange + sebi) * at.gst,
        stamp=value * at.stamp_buy if is_buy else ZERO,
    )


def day_charges(
    trades: Sequence[Traded], day: date, plan: BrokeragePlan, tariff: Tariff
) -> list[Charges]:
    """Return what each executed order of one account's day costs, in their order.

    Of delivery orders in one share, as many units as were both bought and sold are taxed as
    intraday, each order bearing its share of them (the day's average, as the exchanges count). An
    order of which nothing is left for delivery bears intraday brokerage. The depository's fee is
    borne by the first order of the day whose shares leave. An order that traded nothing costs
    nothing. Raises ``FileError`` where a rate is not known (``rate_rows``, ``taxed_as``).
    """
    turned = _turned(trades)
    delivered: set[tuple[Segment, str]] = set()
    found = []
    for trade in trades:
        scrip = (trade.contract.segment, trade.contract.underlying)
        taxed = taxed_as(trade.contract, trade.product, tariff)
        if not trade.value:
            found.append(NO_CHARGES)
            continue
        if not taxed.is_delivery:
            made = _one(trade, taxed, trade.value, day, plan, tariff)
        else:
            bought, sold = turned[scrip]
            both = min(bought, sold)
            units = bought if trade.side is Side.BUY else sold
            made = _delivery(trade, taxed, both, units, day, plan, tariff)
            if trade.side is Side.SELL and sold > both and scrip not in delivered:
                delivered.add(scrip)
                made += _service(Item.DP, trade, day, plan)
        if trade.is_square_off:
            made += _service(Item.SQUARE_OFF, trade, day, plan)
        found.append(made)
    return found


def order_charges(trade: Traded, day: date, plan: BrokeragePlan, tariff: Tariff) -> Charges:
    """Return what one executed order costs where it is its account's only one in that contract.

    Raises as ``day_charges`` does.
    """
    return day_charges([trade], day, plan, tariff)[0]


def exercise_charges(intrinsic_value: Decimal, day: date) -> Charges:
    """Return the tax on an option of NSE or BSE exercised at expiry, borne by its holder.

    ``intrinsic_value`` is rupees for the whole position. Raises before the first known day.
    """
    share = in_force(tables.STT_EXERCISED, day, "tax on exercise")
    return Charges(stt=intrinsic_value * share)


def _turned(trades: Sequence[Traded]) -> dict[tuple[Segment, str], tuple[int, int]]:
    """Return the units bought and sold as delivery, by exchange and share."""
    units: dict[tuple[Segment, str], tuple[int, int]] = {}
    for trade in trades:
        if trade.product is not Product.DELIVERY:
            continue
        scrip = (trade.contract.segment, trade.contract.underlying)
        bought, sold = units.get(scrip, (0, 0))
        if trade.side is Side.BUY:
            units[scrip] = (bought + trade.quantity, sold)
        else:
            units[scrip] = (bought, sold + trade.quantity)
    return units


def _delivery(
    trade: Traded,
    taxed: Taxed,
    both: int,
    units: int,
    day: date,
    plan: BrokeragePlan,
    tariff: Tariff,
) -> Charges:
    """Charge a delivery order of whose day's ``units`` on its side ``both`` were turned round."""
    if both == units:
        return _one(trade, taxed.as_intraday, trade.value, day, plan, tariff)
    if not both:
        return _one(trade, taxed, trade.value, day, plan, tariff)
    same_day = trade.value * both / units
    fee = plan.row(Item.DELIVERY, day).value.of(trade.value)
    kept = rate_rows(trade.contract, taxed, day, tariff).rates
    closed = rate_rows(trade.contract, taxed.as_intraday, day, tariff).rates
    return charge(kept, trade.side, trade.value - same_day, fee) + charge(
        closed, trade.side, same_day
    )


def _one(
    trade: Traded, taxed: Taxed, value: Decimal, day: date, plan: BrokeragePlan, tariff: Tariff
) -> Charges:
    rates = rate_rows(trade.contract, taxed, day, tariff).rates
    return charge(rates, trade.side, value, plan.row(item_of(taxed), day).value.of(value))


def _service(item: Item, trade: Traded, day: date, plan: BrokeragePlan) -> Charges:
    fee = plan.row(item, day).value.of(trade.value)
    gst = fee * gst_row(day).value
    if item is Item.DP:
        return Charges(dp=fee, gst=gst)
    return Charges(square_off=fee, gst=gst)
