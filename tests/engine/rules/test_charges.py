from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.side import Side
from engine.rules.charges import (
    ANGEL_ONE,
    NO_CHARGES,
    Charges,
    DayNote,
    Rates,
    charge,
    exercise_charges,
    order_charges,
    rates,
)

TODAY = date(2026, 8, 19)
D = Decimal


def contract(
    kind: Kind, underlying: str = "NIFTY", segment: Segment = Segment.NSE_FO
) -> Instrument:
    is_option = kind is Kind.OPTION
    return Catalogue().intern(
        InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=underlying,
            expiry=date(2026, 8, 25) if kind in (Kind.FUTURE, Kind.OPTION) else None,
            strike=D(24500) if is_option else None,
            right=Right.PUT if is_option else None,
        )
    )


OPTION = contract(Kind.OPTION)
FUTURE = contract(Kind.FUTURE)


def test_an_option_bought_at_100_and_sold_at_120_costs_what_the_hand_computed_vector_says() -> None:
    bought = order_charges(OPTION, Side.BUY, D(65 * 100), TODAY)
    sold = order_charges(OPTION, Side.SELL, D(65 * 120), TODAY)
    both = bought + sold
    assert both.total.quantize(D("0.0001")) == D("65.1069")
    assert both.stt == D("11.70")
    assert both.brokerage == D(40)
    assert both.stamp == D("0.195")
    assert bought.stt == 0
    assert sold.stamp == 0


def test_gst_leaves_out_the_protection_fund_as_a_real_option_note_of_2023_did() -> None:
    of_2023 = Rates(
        stt_sell=D("0.0005"), exchange=D("0.0005"), ipft=D("0.000005"), sebi=D("0.000001"),
        stamp_buy=D(0),
    )  # fmt: skip
    note = charge(of_2023, Side.BUY, D(100) * D("1.5"), D(20))
    assert note.exchange + note.ipft == D("0.07575")
    assert note.sebi == D("0.00015")
    assert note.gst == D("3.613527")
    assert note.total == D("23.689427")


def test_gst_leaves_out_the_protection_fund_as_a_real_delivery_note_of_2023_did() -> None:
    of_2023 = Rates(
        stt_sell=D("0.001"), exchange=D("0.0000325"), ipft=D("0.000001"), sebi=D("0.000001"),
        stamp_buy=D(0),
    )  # fmt: skip
    note = charge(of_2023, Side.BUY, D(560))
    assert note.exchange + note.ipft == D("0.01876")
    assert note.gst == D("0.0033768")
    assert note.total + D("0.56") == D(
        "0.5826968"
    )  # delivery bears its transaction tax on buys too


@pytest.mark.parametrize(
    ("instrument", "day", "stt_pct", "exchange_per_crore", "ipft_per_crore", "stamp_pct"),
    [
        (FUTURE, date(2024, 10, 1), "0.02", "173", "10", "0.002"),
        (FUTURE, date(2026, 2, 28), "0.02", "173", "10", "0.002"),
        (FUTURE, date(2026, 3, 1), "0.02", "182.99", "0.01", "0.002"),
        (FUTURE, date(2026, 4, 1), "0.05", "182.99", "0.01", "0.002"),
        (OPTION, date(2026, 2, 28), "0.1", "3503", "50", "0.003"),
        (OPTION, date(2026, 3, 31), "0.1", "3552", "1", "0.003"),
        (OPTION, date(2026, 4, 1), "0.15", "3552", "1", "0.003"),
        (contract(Kind.FUTURE, "SENSEX", Segment.BSE_FO), TODAY, "0.05", "0", "0", "0.002"),
        (contract(Kind.OPTION, "SENSEX", Segment.BSE_FO), TODAY, "0.15", "3250", "0", "0.003"),
        (contract(Kind.OPTION, "BANKEX", Segment.BSE_FO), TODAY, "0.15", "3250", "0", "0.003"),
        (contract(Kind.OPTION, "SBIN", Segment.BSE_FO), TODAY, "0.15", "500", "0", "0.003"),
        (contract(Kind.OPTION, "SBIN"), TODAY, "0.15", "3552", "1", "0.003"),
    ],
)
def test_rates_are_those_of_the_day(
    instrument: Instrument,
    day: date,
    stt_pct: str,
    exchange_per_crore: str,
    ipft_per_crore: str,
    stamp_pct: str,
) -> None:
    found = rates(instrument, day)
    assert found.stt_sell == D(stt_pct) / 100
    assert found.exchange == D(exchange_per_crore) / 10_000_000
    assert found.ipft == D(ipft_per_crore) / 10_000_000
    assert found.sebi == D("0.000001")
    assert found.stamp_buy == D(stamp_pct) / 100


def test_a_day_before_the_first_known_rates_is_an_error() -> None:
    with pytest.raises(FileError, match="2024-10-01"):
        order_charges(OPTION, Side.BUY, D(100), date(2024, 9, 30))


@pytest.mark.parametrize(
    "instrument",
    [
        contract(Kind.EQUITY, "SBIN", Segment.NSE_CM),
        contract(Kind.FUTURE, "CRUDEOIL", Segment.MCX_FO),
    ],
)
def test_a_contract_the_tables_do_not_cover_is_an_error(instrument: Instrument) -> None:
    with pytest.raises(FileError, match="no charges are known"):
        order_charges(instrument, Side.BUY, D(100), TODAY)


def test_brokerage_is_per_executed_order_and_an_unfilled_one_costs_nothing() -> None:
    assert order_charges(OPTION, Side.BUY, D(1), TODAY).brokerage == D(20)
    assert order_charges(OPTION, Side.BUY, D(10_000_000), TODAY).brokerage == D(20)
    assert order_charges(OPTION, Side.BUY, D(0), TODAY) == NO_CHARGES
    assert ANGEL_ONE.name == "Angel One"


def test_exercise_is_taxed_on_the_intrinsic_value() -> None:
    assert exercise_charges(D(10_000), TODAY).total == D(15)
    assert exercise_charges(D(10_000), date(2026, 3, 31)).total == D("12.5")


def test_a_day_note_rounds_the_transaction_tax_once_to_the_rupee_and_the_rest_to_the_paisa() -> (
    None
):
    trades = [Charges(stt=D("0.25"), gst=D("0.004"), stamp=D("0.224"))] * 2
    note = DayNote.of(trades)
    assert note.charges.stt == D(1)  # 0.50 rounds up
    assert note.charges.gst == D("0.01")
    assert note.charges.stamp == D("0.45")
    assert note.total == D("1.46")
    assert DayNote.of([]).total == 0


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10_000_000)), max_size=20),
    st.sampled_from([OPTION, FUTURE]),
)
def test_a_note_is_within_a_rupee_of_the_unrounded_sum(
    trades: list[tuple[Side, int]], instrument: Instrument
) -> None:
    charges = [order_charges(instrument, side, D(value), TODAY) for side, value in trades]
    exact = sum((c.total for c in charges), D(0))
    assert abs(DayNote.of(charges).total - exact) < 1
