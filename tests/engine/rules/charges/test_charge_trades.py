"""What executed orders cost: real notes, the hand-computed vector, and what a day changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FileError
from engine.model.instrument import Segment
from engine.model.order import Product
from engine.model.side import Side
from engine.model.tariff import Tariff
from engine.rules.charges import (
    NO_CHARGES,
    PLANS,
    Charges,
    Contract,
    Rates,
    Traded,
    charge,
    day_charges,
    exercise_charges,
    order_charges,
)
from engine.rules.contract_class import ContractClass

D = Decimal
TODAY = date(2026, 8, 19)
ANGEL = PLANS["angelone"]
ZERODHA = PLANS["zerodha"]
TARIFF = Tariff(bse_groups={"SBIN": "A"}, etfs=("NIFTYBEES",))
DELIVERY = Product.DELIVERY

Make = Callable[..., Traded]


def costs(*trades: Traded, plan: Any = ANGEL, day: date = TODAY) -> list[Charges]:
    return day_charges(trades, day, plan, TARIFF)


# -- market_rules.md 6.6 ---------------------------------------------------------------------------


def test_an_option_bought_at_100_and_sold_at_120_costs_what_the_hand_computed_vector_says(
    made: Make,
) -> None:
    bought, sold = costs(
        made("NSE option", "BUY", 65, "100"), made("NSE option", "SELL", 65, "120")
    )
    both = bought + sold
    assert both.total.quantize(D("0.0001")) == D("65.1069")
    assert both.brokerage == D(40)
    assert both.stt == sold.stt == D("11.70")
    # 3552 and 1 a crore of 14,300; 10 a crore; 18 % of 40 + 5.07936 + 0.0143; 0.003 % of 6,500
    assert both.exchange == D("5.07936")
    assert both.ipft == D("0.00143")
    assert both.sebi == D("0.0143")
    assert both.gst == D("8.1168588")
    assert both.stamp == bought.stamp == D("0.195")
    assert both.dp == both.square_off == 0


def test_a_real_option_note_of_2023_at_rates_given_explicitly() -> None:
    of_2023 = Rates(
        stt_sell=D("0.000625"), exchange=D("0.0005"), ipft=D("0.000005"), sebi=D("0.000001"),
        gst=D("0.18"),
    )  # fmt: skip
    note = charge(of_2023, Side.BUY, D(100) * D("1.5"), D(20))
    assert note.exchange + note.ipft == D("0.07575")
    assert note.sebi == D("0.00015")
    assert note.gst == D("3.613527")
    assert note.total == D("23.689427")


def test_a_real_delivery_note_of_2023_at_rates_given_explicitly() -> None:
    of_2023 = Rates(
        stt_buy=D("0.001"), exchange=D("0.0000325"), ipft=D("0.000001"), sebi=D("0.000001"),
        gst=D("0.18"),
    )  # fmt: skip
    note = charge(of_2023, Side.BUY, D(560))
    assert note.stt == D("0.56")
    assert note.exchange + note.ipft == D("0.01876")
    assert note.sebi == D("0.00056")
    assert note.gst == D("0.0033768")
    assert note.total == D("0.5826968")


def test_both_notes_of_2023_by_the_tables_of_their_day_but_for_the_stamp_they_leave_out(
    made: Make,
) -> None:
    day = date(2023, 6, 1)
    (share,) = costs(made("NSE share", "BUY", 1, "560", DELIVERY), plan=ZERODHA, day=day)
    (option,) = costs(made("NSE option", "BUY", 100, "1.5"), plan=ZERODHA, day=day)
    assert share.total - share.stamp == D("0.5826968")
    assert option.total - option.stamp == D("23.689427")


# -- orders ----------------------------------------------------------------------------------------


def test_an_order_that_traded_nothing_costs_nothing(made: Make) -> None:
    assert order_charges(made("NSE option", "BUY", 0, "100"), TODAY, ANGEL, TARIFF) == NO_CHARGES


def test_brokerage_is_per_executed_order(made: Make) -> None:
    one = costs(made("NSE option", "BUY", 130, "100"))
    two = costs(*[made("NSE option", "BUY", 65, "100")] * 2)
    assert sum(c.brokerage for c in one) == 20
    assert sum(c.brokerage for c in two) == 40


def test_stamp_is_on_buys_and_the_tax_of_derivatives_on_sales(made: Make) -> None:
    bought, sold = costs(
        made("MCX future", "BUY", 100, "5400"), made("MCX future", "SELL", 100, "5400")
    )
    assert (bought.stt, sold.stt) == (0, D("54"))
    assert (bought.stamp, sold.stamp) == (D("10.8"), 0)
    assert bought.exchange == sold.exchange == D("11.34")


def test_a_square_off_by_the_broker_costs_its_fee_and_the_tax_on_it(made: Make) -> None:
    (plain,) = costs(made("NSE option", "SELL", 65, "120"))
    (squared,) = costs(made("NSE option", "SELL", 65, "120", is_square_off=True))
    assert squared.square_off == 20
    assert squared.total - plain.total == D("23.6")


def test_exercise_is_taxed_on_the_intrinsic_value() -> None:
    assert exercise_charges(D(10_000), TODAY).total == D(15)
    assert exercise_charges(D(10_000), date(2026, 3, 31)).total == D("12.5")
    with pytest.raises(FileError, match="2023-04-01"):
        exercise_charges(D(10_000), date(2023, 3, 31))


# -- delivery --------------------------------------------------------------------------------------


def test_delivery_is_taxed_on_both_sides_and_the_depository_is_paid_once_a_scrip_and_day(
    made: Make,
) -> None:
    first, second = costs(*[made("NSE share", "SELL", 50, "800", DELIVERY)] * 2)
    assert first.stt == second.stt == 40
    assert (first.dp, second.dp) == (20, 0)
    assert first.gst - second.gst == D("3.6")
    (bought,) = costs(made("NSE share", "BUY", 50, "800", DELIVERY))
    assert (bought.stt, bought.stamp, bought.dp) == (40, 6, 0)


def test_each_exchange_and_scrip_pays_the_depository_by_itself(made: Make) -> None:
    found = costs(
        made("NSE share", "SELL", 50, "800", DELIVERY),
        made("NSE fund", "SELL", 10, "270", DELIVERY),
        made("BSE share", "SELL", 50, "800", DELIVERY),
    )
    assert [each.dp for each in found] == [20, 20, 20]


def test_a_share_bought_and_sold_on_one_day_is_taxed_as_intraday_whatever_its_product(
    made: Make,
) -> None:
    orders = [("BUY", 100, "800"), ("SELL", 100, "810")]
    delivery = costs(*(made("NSE share", *order, DELIVERY) for order in orders))
    intraday = costs(*(made("NSE share", *order, Product.INTRADAY) for order in orders))
    assert delivery == intraday
    assert delivery[1].stt == D("20.25")
    assert delivery[0].stt == delivery[1].dp == 0


def test_what_is_kept_of_a_days_purchases_is_taxed_as_delivery(made: Make) -> None:
    bought, sold = costs(
        made("NSE share", "BUY", 100, "800", DELIVERY),
        made("NSE share", "SELL", 40, "810", DELIVERY),
    )
    # 60 of 100 are kept: 0.1 % of 48,000; of the 40 sold, 0.025 % of 32,400.
    assert bought.stt == 48
    assert sold.stt == D("8.10")
    # 0.015 % of 48,000 and 0.003 % of 32,000
    assert bought.stamp == D("7.2") + D("0.96")
    assert sold.dp == 0
    assert bought.brokerage == 20


def test_what_is_sold_beyond_a_days_purchases_leaves_the_depository(made: Make) -> None:
    bought, sold = costs(
        made("NSE share", "BUY", 40, "800", DELIVERY),
        made("NSE share", "SELL", 100, "810", DELIVERY),
    )
    assert bought.stt == 0
    # 0.025 % of 40 and 0.1 % of 60, at 810
    assert sold.stt == D("8.10") + D("48.60")
    assert sold.dp == 20


def test_the_exchanges_and_products_of_a_share_are_not_set_against_each_other(made: Make) -> None:
    nse, bse, intraday = costs(
        made("NSE share", "BUY", 10, "800", DELIVERY),
        made("BSE share", "SELL", 10, "800", DELIVERY),
        made("NSE share", "SELL", 10, "800", Product.INTRADAY),
    )
    assert (nse.stt, bse.stt, intraday.stt) == (8, 8, 2)


# -- what holds for every trade --------------------------------------------------------------------

CONTRACT = {
    "option": Contract(Segment.NSE_FO, ContractClass.OPTIDX, "NIFTY", "NIFTY 24000 CE"),
    "future": Contract(Segment.NSE_FO, ContractClass.FUTIDX, "NIFTY", "NIFTY FUT"),
    "share": Contract(Segment.NSE_CM, ContractClass.CASH, "SBIN", "SBIN"),
    "crude": Contract(Segment.MCX_FO, ContractClass.FUTCOM, "CRUDEOIL", "CRUDEOIL FUT"),
}
PRICES = st.integers(1, 10_000_000).map(lambda ticks: D(ticks) / 20)


@st.composite
def trade(draw: st.DrawFn) -> Traded:
    contract = CONTRACT[draw(st.sampled_from(sorted(CONTRACT)))]
    is_share = contract.klass is ContractClass.CASH
    other = DELIVERY if is_share else Product.CARRYFORWARD
    quantity = draw(st.integers(1, 5_000))
    return Traded(
        contract=contract,
        side=draw(st.sampled_from(Side)),
        product=draw(st.sampled_from([Product.INTRADAY, other])),
        quantity=quantity,
        value=quantity * draw(PRICES),
        is_square_off=draw(st.booleans()),
    )


@given(st.lists(trade(), min_size=1, max_size=8), st.sampled_from(sorted(PLANS)))
def test_no_charge_is_below_nothing_and_gst_is_on_services_only(
    trades: list[Traded], name: str
) -> None:
    for each in day_charges(trades, TODAY, PLANS[name], TARIFF):
        kinds = [getattr(each, kind) for kind in Charges.__struct_fields__]
        assert min(kinds) >= 0
        assert sum(kinds) == each.total
        base = each.brokerage + each.exchange + each.sebi + each.dp + each.square_off
        assert abs(each.gst - D("0.18") * base) < D("1e-18")


@given(st.lists(trade(), max_size=8))
def test_a_days_charges_do_not_depend_on_how_many_others_it_has_but_for_delivery(
    trades: list[Traded],
) -> None:
    together = day_charges(trades, TODAY, ANGEL, TARIFF)
    for each, charges in zip(trades, together, strict=True):
        if each.product is not DELIVERY:
            assert order_charges(each, TODAY, ANGEL, TARIFF) == charges


@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 500), PRICES), max_size=8))
def test_delivery_tax_is_what_the_day_as_a_whole_bears(
    orders: list[tuple[Side, int, Decimal]],
) -> None:
    trades = [
        Traded(contract=CONTRACT["share"], side=s, product=DELIVERY, quantity=q, value=q * p)
        for s, q, p in orders
    ]
    tax = sum((c.stt for c in day_charges(trades, TODAY, ANGEL, TARIFF)), D(0))
    units = {side: sum(q for s, q, _ in orders if s is side) for side in Side}
    value = {side: sum((q * p for s, q, p in orders if s is side), D(0)) for side in Side}
    turned = min(units.values())
    wanted = D(0)
    for side in Side:
        if units[side]:
            average = value[side] / units[side]
            wanted += average * (units[side] - turned) * D("0.001")
            if side is Side.SELL:
                wanted += average * turned * D("0.00025")
    assert abs(tax - wanted) < D("1e-9")


@given(trade(), trade())
def test_charges_add_up_kind_by_kind(one: Traded, other: Traded) -> None:
    first = order_charges(one, TODAY, ANGEL, TARIFF)
    second = order_charges(other, TODAY, ANGEL, TARIFF)
    assert (first + second).total == first.total + second.total
    assert first + NO_CHARGES == first
