"""Where closing leaves nothing won and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.model.instrument import Segment
from engine.model.order import Product
from engine.model.side import Side
from engine.model.tariff import Tariff
from engine.rules.charges import PLANS, BreakEven, Contract, Traded, break_even, order_charges
from engine.rules.contract_class import ContractClass

D = Decimal
TODAY = date(2026, 8, 19)
TICK = D("0.05")
Make = Callable[..., Traded]


def found(*trades: Traded, tick: Decimal = TICK, plan: str = "angelone") -> BreakEven:
    answer = break_even(trades, TODAY, PLANS[plan], Tariff(), tick)
    assert answer is not None
    return answer


def test_a_bought_option_by_hand(made: Make) -> None:
    answer = found(made("NSE option", "BUY", 65, "100"))
    # 6,500 and charges of 26.5277 to earn back. A sale at p brings 65 p, and takes 20 of brokerage,
    # 0.15 % tax, 0.03552 % and 0.00001 % to the exchange, 0.0001 % to SEBI, and 18 % on all but
    # tax and IPFT: 65 p (1 - 0.00150010 - 0.0003562 x 1.18) - 23.60 = 6526.5277.
    price = (D("6526.5277") + D("23.6")) / (65 * (1 - D("0.0015001") - D("0.0003562") * D("1.18")))
    assert answer.side is Side.SELL
    assert abs(answer.exact - price) < D("0.0002")
    assert answer.price - price < TICK
    assert answer.price >= price


def test_a_sold_option_is_bought_back_below(made: Make) -> None:
    answer = found(made("NSE option", "SELL", 65, "120"))
    assert answer.side is Side.BUY
    assert answer.price == D("118.95")
    assert answer.points == D("1.05")
    assert answer.net_inr >= 0
    assert answer.price < answer.exact < answer.price + TICK


def test_a_future_and_a_commodity(made: Make) -> None:
    assert found(made("NSE future", "BUY", 65, "24350"), tick=D("0.10")).points > 0
    crude = found(made("MCX future", "BUY", 200, "5400"), tick=D(1), plan="zerodha")
    assert crude.price == 5402


def test_a_delivery_purchase_is_sold_on_another_day_with_both_taxes_and_the_depository(
    made: Make,
) -> None:
    answer = found(made("NSE share", "BUY", 100, "812.50", Product.DELIVERY))
    assert answer.closing.dp == 20
    assert answer.closing.stt == 100 * answer.price * D("0.001")
    assert answer.price == D("815.05")


def test_there_is_none_when_nothing_is_open_when_a_holding_was_sold_and_when_charges_eat_it_all(
    made: Make,
) -> None:
    plan = PLANS["angelone"]
    flat = [made("NSE option", "BUY", 65, "100"), made("NSE option", "SELL", 65, "120")]
    assert break_even(flat, TODAY, plan, Tariff(), TICK) is None
    holding = [made("NSE share", "SELL", 10, "800", Product.DELIVERY)]
    assert break_even(holding, TODAY, plan, Tariff(), TICK) is None
    worthless = [made("NSE option", "SELL", 65, "0.05")]
    assert break_even(worthless, TODAY, plan, Tariff(), TICK) is None


def test_what_was_closed_before_counts(made: Make) -> None:
    alone = found(made("NSE option", "BUY", 65, "100"))
    after_a_gain = found(
        made("NSE option", "BUY", 130, "100"), made("NSE option", "SELL", 65, "120")
    )
    assert after_a_gain.quantity == 65
    assert after_a_gain.price < alone.price - 15


@given(
    st.sampled_from(["option", "future", "share"]),
    st.sampled_from(Side),
    st.integers(1, 2_000),
    st.integers(200, 200_000),
    st.sampled_from(sorted(PLANS)),
)
def test_at_the_price_nothing_is_lost_and_one_tick_worse_something_is(
    kind: str, side: Side, quantity: int, ticks: int, plan: str
) -> None:
    klass, segment = {
        "option": (ContractClass.OPTIDX, Segment.NSE_FO),
        "future": (ContractClass.FUTIDX, Segment.NSE_FO),
        "share": (ContractClass.CASH, Segment.NSE_CM),
    }[kind]

    def traded(way: Side, price: Decimal) -> Traded:
        return Traded(
            contract=Contract(segment, klass, "NIFTY" if kind != "share" else "SBIN", kind),
            side=way,
            product=Product.INTRADAY,
            quantity=quantity,
            value=price * quantity,
        )

    opened = traded(side, ticks * TICK)
    answer = break_even([opened], TODAY, PLANS[plan], Tariff(), TICK)
    paid = order_charges(opened, TODAY, PLANS[plan], Tariff()).total

    def net(price: Decimal) -> Decimal:
        closing = traded(side.opposite, price)
        cost = order_charges(closing, TODAY, PLANS[plan], Tariff()).total
        return side.sign * (closing.value - opened.value) - paid - cost

    if answer is None:
        assert side is Side.SELL
        assert net(TICK) < 0
        return
    assert net(answer.price) == answer.net_inr >= 0
    assert net(answer.price - side.sign * TICK) < 0
