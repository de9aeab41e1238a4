"""Trades in a trader's words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.cli.trade_words import Exchange, Verb, parse_trades
from engine.errors import FileError
from engine.model.instrument import Segment
from engine.model.side import Side
from engine.rules.contract_class import ContractClass as C

DAY = date(2026, 8, 19)
D = Decimal


@pytest.mark.parametrize(
    ("text", "symbol", "segment", "klass", "quantity", "price"),
    [
        ("SELL 65 NIFTY 24000 CE @ 120", "NIFTY 24000 CE", Segment.NSE_FO, C.OPTIDX, 65, "120"),
        ("sell 65 nifty 24000ce @120.05", "NIFTY 24000 CE", Segment.NSE_FO, C.OPTIDX, 65, "120.05"),
        (
            "BUY 65 NIFTY 25AUG26 24400 PE at 80",
            "NIFTY 25AUG26 24400 PE", Segment.NSE_FO, C.OPTIDX, 65, "80",
        ),
        ("BUY 65 NIFTY 2026-08-25 24400 PE @ 80", "NIFTY 25AUG26 24400 PE", Segment.NSE_FO, C.OPTIDX, 65, "80"),
        ("BUY 65 NIFTY 25 AUG 26 24400 put @ 80", "NIFTY 25AUG26 24400 PE", Segment.NSE_FO, C.OPTIDX, 65, "80"),
        ("BUY 2 lots NIFTY FUT @ 24,350.5", "NIFTY FUT", Segment.NSE_FO, C.FUTIDX, 130, "24350.5"),
        ("BUY 1 lot NIFTY 25AUG26 FUT @ 24350", "NIFTY 25AUG26 FUT", Segment.NSE_FO, C.FUTIDX, 65, "24350"),
        ("BUY 20 SENSEX 80000 CE @ 300", "SENSEX 80000 CE", Segment.BSE_FO, C.OPTIDX, 20, "300"),
        ("BUY 1,000 SBIN @ 812.50", "SBIN", Segment.NSE_CM, C.CASH, 1000, "812.50"),
        ("BUY 10 M&M @ 3000", "M&M", Segment.NSE_CM, C.CASH, 10, "3000"),
        ("BUY 10 BAJAJ-AUTO FUT @ 9000", "BAJAJ-AUTO FUT", Segment.NSE_FO, C.FUTSTK, 10, "9000"),
        ("SELL 750 SBIN 800 CE @ 20", "SBIN 800 CE", Segment.NSE_FO, C.OPTSTK, 750, "20"),
        ("BUY 2lots CRUDEOIL FUT @ 5400", "CRUDEOIL FUT", Segment.MCX_FO, C.FUTCOM, 200, "5400"),
        ("BUY 1 lot GOLD FUT @ 98000", "GOLD FUT", Segment.MCX_FO, C.FUTCOM, 100, "98000"),
        ("BUY 100 CRUDEOIL 5400 CE @ 90.5", "CRUDEOIL 5400 CE", Segment.MCX_FO, C.OPTFUT, 100, "90.5"),
    ],
)  # fmt: skip
def test_a_trade_is_read(
    text: str, symbol: str, segment: Segment, klass: C, quantity: int, price: str
) -> None:
    (found,) = parse_trades(text, DAY)
    assert found.contract.symbol == symbol
    assert (found.contract.segment, found.contract.klass) == (segment, klass)
    assert (found.quantity, found.price) == (quantity, D(price))
    assert found.odd_lot is None or found.contract.klass is C.OPTSTK


def test_several_trades_stand_after_each_other() -> None:
    found = parse_trades(
        "BUY 65 NIFTY FUT @ 24,350, sell 65 NIFTY FUT @ 24400; BUY 1 SBIN @ 800", DAY
    )
    assert [(t.side, t.quantity, t.price) for t in found] == [
        (Side.BUY, 65, D(24350)),
        (Side.SELL, 65, D(24400)),
        (Side.BUY, 1, D(800)),
    ]
    assert found[0].text == "BUY 65 NIFTY FUT @ 24350"


def test_an_exercise_names_what_the_underlying_settled_at() -> None:
    (found,) = parse_trades("EXERCISE 65 NIFTY 24000 CE @ 24120", DAY)
    assert (found.verb, found.strike, found.price) == (Verb.EXERCISE, 24000, 24120)


def test_an_exchange_may_be_named() -> None:
    (found,) = parse_trades("BUY 1 SBIN @ 800", DAY, exchange=Exchange.BSE)
    assert found.contract.segment is Segment.BSE_CM
    (found,) = parse_trades("BUY 1 CRUDEOILS @ 800", DAY, exchange=Exchange.NSE)
    assert found.contract.segment is Segment.NSE_CM


def test_lots_are_counted_by_what_the_person_says() -> None:
    (found,) = parse_trades("BUY 2 lots SBIN FUT @ 800", DAY, units_in_lot=750)
    assert found.quantity == 1500


def test_an_odd_lot_is_noticed() -> None:
    (found,) = parse_trades("SELL 56 NIFTY 24000 CE @ 120", DAY)
    assert found.odd_lot == 65


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no trade given"),
        ("SEL 65 NIFTY 24000 CE @ 120", "'SEL' is neither BUY nor SELL"),
        ("SELL 65 NIFTY 24000 CE", "it has no price after @"),
        ("SELL NIFTY @ 120", "the contract|not a trade"),
        ("SELL many NIFTY FUT @ 120", "quantity 'many' is not a whole number"),
        ("SELL 0 NIFTY FUT @ 120", "not a whole number above 0"),
        ("SELL 6.5 NIFTY FUT @ 120", "not a whole number above 0"),
        ("SELL 65 NIFTY FUT @ cheap", "'cheap' is not a price"),
        ("SELL 65 NIFTY FUT @ -3", "'-3' is not a price"),
        ("SELL 65 NIFTY FUT @ NaN", "'NaN' is not a price"),
        ("SELL 99999999999999 NIFTY FUT @ 120", "a quantity above 10,000,000,000 is a slip"),
        (f"SELL {'9' * 5000} NIFTY FUT @ 120", "a quantity above 10,000,000,000 is a slip"),
        ("SELL 65 NIFTY FUT @ 1e20", "a price above Rs 10,000,000,000 is a slip"),
        ("SELL 65 NIFTY @ 24000", "NIFTY is an index and cannot be traded itself"),
        ("SELL 65 CRUDEOIL @ 5400", "CRUDEOIL is a commodity"),
        ("SELL 65 NIFTY CE @ 120", "no strike before CE"),
        ("SELL 65 NIFTY 24000 @ 120", "neither a future"),
        ("SELL 65 NIFTY24000CE @ 120", "NIFTY24000CE is no share"),
        ("SELL 65 NIFTY25AUG2624000CE @ 120", "write the contract's words apart"),
        ("SELL 65 NIFTY25AUG26FUT @ 24000", "NIFTY25AUG26FUT is no share"),
        ("SELL 65 NIFTY 31FEB26 24000 CE @ 120", "'31FEB26' is not an expiry"),
        ("SELL 65 NIFTY soon 24000 CE @ 120", "'SOON' is not an expiry"),
        ("SELL 65 NIFTY 18AUG26 24000 CE @ 120", "expired on 2026-08-18"),
        ("SELL 65 NIFT 24000 CE @ 120", "NIFT looks like NIFTY misspelled"),
        ("SELL 2 lots SBIN FUT @ 120", "how many units are in a lot of SBIN.*--lot-size"),
        ("EXERCISE 65 NIFTY FUT @ 120", "only options on indices"),
        ("EXERCISE 100 CRUDEOIL 5400 CE @ 5500", "only options on indices"),
        ("EXERCISE 750 SBIN 800 CE @ 820", "one on a share is settled by delivery"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(FileError, match=says):
        parse_trades(text, DAY)


def test_the_commodity_exchange_has_no_shares() -> None:
    with pytest.raises(FileError, match="MCX has no shares"):
        parse_trades("BUY 1 SBIN @ 800", DAY, exchange=Exchange.MCX)
