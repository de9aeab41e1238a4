"""What brokers take, against market_rules.md 6.4, retyped."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.errors import FileError
from engine.model.tariff import Fee, OwnPlan, Tariff
from engine.rules.charges import PLANS, Item, plan_named, plan_of
from engine.rules.charges.plans import charged_by

D = Decimal
TODAY = date(2026, 8, 19)
FREE = Fee(flat_inr=D(0))
OWN = OwnPlan(
    delivery=Fee(pct=D("0.2")),
    intraday=Fee(flat_inr=D(10), pct=D("0.01")),
    futures=Fee(flat_inr=D(7)),
    options=Fee(flat_inr=D(9)),
    dp=FREE,
    square_off=FREE,
)


@pytest.mark.parametrize(
    ("plan", "item", "day", "value", "fee"),
    [
        ("angelone", Item.OPTIONS, TODAY, "1", "20"),
        ("angelone", Item.OPTIONS, TODAY, "10000000", "20"),
        ("angelone", Item.FUTURES, TODAY, "1000", "20"),
        ("angelone", Item.DELIVERY, date(2024, 10, 31), "500000", "0"),
        ("angelone", Item.DELIVERY, date(2024, 11, 1), "500000", "20"),
        ("angelone", Item.DELIVERY, TODAY, "10000", "10"),
        ("angelone", Item.DELIVERY, TODAY, "1000", "5"),
        ("angelone", Item.INTRADAY, date(2024, 10, 31), "4000", "10"),
        ("angelone", Item.INTRADAY, TODAY, "4000", "4"),
        ("angelone", Item.INTRADAY, TODAY, "20000", "20"),
        ("angelone", Item.SQUARE_OFF, TODAY, "4000", "20"),
        ("aliceblue", Item.INTRADAY, TODAY, "20000", "10"),
        ("aliceblue", Item.INTRADAY, TODAY, "40000", "20"),
        ("aliceblue", Item.FUTURES, TODAY, "20000", "10"),
        ("aliceblue", Item.FUTURES, TODAY, "1500000", "20"),
        ("aliceblue", Item.OPTIONS, TODAY, "1", "20"),
        ("aliceblue", Item.DELIVERY, TODAY, "400", "10"),
        ("aliceblue", Item.DELIVERY, TODAY, "800", "20"),
        ("zerodha", Item.INTRADAY, TODAY, "10000", "3"),
        ("zerodha", Item.INTRADAY, TODAY, "100000", "20"),
        ("zerodha", Item.FUTURES, TODAY, "10000", "3"),
        ("zerodha", Item.FUTURES, TODAY, "1500000", "20"),
        ("zerodha", Item.OPTIONS, TODAY, "1", "20"),
        ("zerodha", Item.DELIVERY, TODAY, "100000", "0"),
    ],
)
def test_a_plan_takes_what_the_document_says(
    plan: str, item: Item, day: date, value: str, fee: str
) -> None:
    assert PLANS[plan].row(item, day).value.of(D(value)) == D(fee)


def test_every_plan_prices_every_item_and_marks_none_of_it_as_certain() -> None:
    for plan in PLANS.values():
        assert set(plan.fees) == set(Item)
        for item in Item:
            assert all(row.certainty in "ML" for row in plan.fees[item])
        assert D(15) <= plan.row(Item.DP, TODAY).value.of(D(1)) <= D(20)
        assert D(20) <= plan.row(Item.SQUARE_OFF, TODAY).value.of(D(1)) <= D(50)


def test_a_day_before_a_plans_first_is_an_error_that_names_it() -> None:
    with pytest.raises(FileError, match=r"options of the plan zerodha.*2023-04-01"):
        PLANS["zerodha"].row(Item.OPTIONS, date(2023, 3, 31))


def test_a_plan_of_ones_own_is_taken_as_it_stands() -> None:
    tariff = Tariff(plan="mine", own={"mine": OWN})
    plan = plan_of("anybody", tariff)
    assert plan.row(Item.INTRADAY, date(1990, 1, 1)).value.of(D(50_000)) == 5
    assert plan.row(Item.INTRADAY, TODAY).value.of(D(500_000)) == 10
    assert plan.row(Item.DELIVERY, TODAY).value.of(D(50_000)) == 100
    assert charged_by(tariff) == "mine (your own)"


def test_accounts_may_be_on_other_plans() -> None:
    tariff = Tariff(accounts={"A1": "zerodha"})
    assert plan_of("A1", tariff) is PLANS["zerodha"]
    assert plan_of("A2", tariff) is PLANS["angelone"]
    assert charged_by(tariff) == "angelone (Angel One); A1 by zerodha"


def test_an_unknown_plan_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(FileError, match="no brokerage plan 'zeroda'; nearest: zerodha"):
        plan_named("zeroda", Tariff())
    with pytest.raises(FileError, match="known: angelone, aliceblue, zerodha, mine"):
        plan_named("?", Tariff(own={"mine": OWN}))


def test_a_fee_reads_as_a_person_says_it() -> None:
    assert str(Fee(flat_inr=D(20))) == "Rs 20"
    assert str(Fee(flat_inr=D(20), pct=D("0.1"), min_inr=D(5))) == (
        "the lower of Rs 20 and 0.1 %, at least Rs 5"
    )
    assert str(FREE) == "nothing"
    assert str(Fee(pct=D("0.2"))) == "0.2 %"
