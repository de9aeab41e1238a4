"""Ticks and lots of contracts without a master, retyped from market_rules.md section 3."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.model.instrument import Segment
from engine.rules.contract_class import ContractClass as C
from engine.rules.grid import lot_size, tick_size

DAY = date(2026, 8, 19)
D = Decimal


@pytest.mark.parametrize(
    ("underlying", "lot"),
    [
        ("NIFTY", 65), ("BANKNIFTY", 30), ("FINNIFTY", 60), ("MIDCPNIFTY", 120), ("NIFTYNXT50", 25),
        ("SENSEX", 20), ("BANKEX", 30), ("CRUDEOIL", 100), ("CRUDEOILM", 10), ("NATURALGAS", 1250),
        ("NATGASMINI", 250), ("COPPER", 2500), ("ZINC", 5000), ("LEAD", 5000), ("ALUMINIUM", 5000),
        ("ZINCMINI", 1000), ("LEADMINI", 1000), ("ALUMINI", 1000), ("NICKEL", 250), ("SILVER", 30),
        ("SILVERM", 5), ("SILVERMIC", 1), ("GOLD", 100), ("GOLDM", 10), ("SBIN", None),
    ],
)  # fmt: skip
def test_a_lot_is_counted_in_units_of_the_quote(underlying: str, lot: int | None) -> None:
    assert lot_size(underlying, DAY) == lot


def test_a_lot_before_its_first_known_day_is_not_known() -> None:
    assert lot_size("NIFTY", date(2025, 12, 30)) is None
    assert lot_size("BANKNIFTY", date(2025, 12, 30)) is None


@pytest.mark.parametrize(
    ("segment", "klass", "underlying", "price", "tick"),
    [
        (Segment.NSE_FO, C.OPTIDX, "NIFTY", "120", "0.05"),
        (Segment.NSE_FO, C.FUTIDX, "MIDCPNIFTY", "13000", "0.05"),
        (Segment.NSE_FO, C.FUTIDX, "NIFTY", "24350", "0.10"),
        (Segment.NSE_FO, C.FUTIDX, "BANKNIFTY", "52000", "0.20"),
        (Segment.NSE_CM, C.CASH, "X", "249.99", "0.01"),
        (Segment.NSE_CM, C.CASH, "X", "250", "0.05"),
        (Segment.NSE_FO, C.FUTSTK, "X", "1000", "0.10"),
        (Segment.NSE_CM, C.CASH, "X", "5000", "0.50"),
        (Segment.NSE_CM, C.CASH, "X", "10000", "1.00"),
        (Segment.NSE_CM, C.CASH, "X", "20000", "1.00"),
        (Segment.NSE_CM, C.CASH, "X", "20000.05", "5.00"),
        (Segment.MCX_FO, C.FUTCOM, "CRUDEOIL", "5400", "1.00"),
        (Segment.MCX_FO, C.FUTCOM, "GOLD", "98000", "1.00"),
        (Segment.MCX_FO, C.FUTCOM, "NATURALGAS", "260", "0.10"),
        (Segment.MCX_FO, C.FUTCOM, "ZINC", "270", "0.05"),
        (Segment.MCX_FO, C.OPTFUT, "CRUDEOIL", "90", None),
        (Segment.MCX_FO, C.FUTCOM, "KAPAS", "1500", None),
    ],
)
def test_a_tick_is_the_documents(
    segment: Segment, klass: C, underlying: str, price: str, tick: str | None
) -> None:
    found = tick_size(segment, klass, underlying, D(price), DAY)
    assert found == (None if tick is None else D(tick))


def test_before_ticks_went_by_level_that_of_a_share_is_not_known() -> None:
    assert tick_size(Segment.NSE_CM, C.CASH, "X", D(800), date(2025, 4, 14)) is None
    assert tick_size(Segment.NSE_CM, C.CASH, "X", D(800), date(2025, 4, 15)) == D("0.05")
