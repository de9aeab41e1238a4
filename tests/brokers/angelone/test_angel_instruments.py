from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angelone.instruments import Listing, Master, read_master
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.model.tokens import TokenRow, TokenTable

OPTION = {
    "token": "43125",
    "symbol": "NIFTY30DEC2525000CE",
    "name": "NIFTY",
    "expiry": "30DEC2025",
    "strike": "2500000.000000",
    "lotsize": "75",
    "instrumenttype": "OPTIDX",
    "exch_seg": "NFO",
    "tick_size": "5.000000",
}
SHARE = OPTION | {
    "token": "2885",
    "symbol": "RELIANCE-EQ",
    "name": "RELIANCE",
    "expiry": "",
    "strike": "-1.000000",
    "lotsize": "1",
    "instrumenttype": "",
    "exch_seg": "NSE",
}


def read(*rows: dict[str, Any]) -> Master:
    return read_master(json.dumps(rows).encode())


def facts_of(row: dict[str, Any]) -> InstrumentFacts:
    return read(row).listings[0].facts


def test_the_real_rows_of_2026_are_read(angel_data: Path) -> None:
    path = angel_data / "scrip_master" / "nse_2026_real_rows.json"
    master = read_master(path.read_bytes(), path.name)
    by_token = {listing.token: listing for listing in master.listings}
    assert master.malformed == 0
    assert master.rows_read == 40
    assert master.left_out == {
        f"series {series} is no share": 1 for series in ("YL", "SG", "N0", "GS", "N1")
    }
    assert by_token["99926000"] == Listing(
        InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY"),
        "99926000",
        "Nifty 50",
    )
    assert by_token["20261"].facts == InstrumentFacts(
        segment=Segment.NSE_CM,
        kind=Kind.EQUITY,
        underlying="IREDA",
        tick_size=Decimal("0.01"),
        freeze_quantity=865_243,
    )
    assert by_token["10710"].facts.underlying == "VEEKAYEM-SM"
    assert by_token["10710"].facts.lot_size == 500


def test_the_older_nine_column_rows_are_read(angel_data: Path) -> None:
    sample = json.loads((angel_data / "scrip_master" / "rows_sample.json").read_text())["payload"]
    share, future = read(*sample).listings
    assert share.facts.key == "nse_cm/RELIANCE/EQ"
    assert future.facts == InstrumentFacts(
        segment=Segment.NSE_FO,
        kind=Kind.FUTURE,
        underlying="BANKNIFTY",
        expiry=date(2024, 5, 29),
        lot_size=15,
    )
    assert future.symbol == "BANKNIFTY29MAY24FUT"


def test_an_option_is_read_from_its_columns_and_its_last_two_letters() -> None:
    assert read(OPTION).listings == (
        Listing(
            InstrumentFacts(
                segment=Segment.NSE_FO,
                kind=Kind.OPTION,
                underlying="NIFTY",
                expiry=date(2025, 12, 30),
                strike=Decimal(25_000),
                right=Right.CALL,
                lot_size=75,
                tick_size=Decimal("0.05"),
            ),
            "43125",
            "NIFTY30DEC2525000CE",
        ),
    )


@pytest.mark.parametrize(
    ("symbol", "right"),
    [
        ("NIFTY30OCT2525000CE", Right.CALL),
        ("SENSEX24MAR75000PE", Right.PUT),
        ("SENSEX25N0684700CE", Right.CALL),
        ("CRUDEOIL24AUG6650CE", Right.CALL),
        ("PERCEPTION25OCT100PE", Right.PUT),
    ],
)
def test_the_right_is_the_last_two_letters_whatever_the_symbol(symbol: str, right: Right) -> None:
    assert facts_of(OPTION | {"symbol": symbol}).right is right


def test_currencies_scale_strike_and_tick_by_ten_million() -> None:
    facts = facts_of(
        OPTION
        | {"exch_seg": "CDS", "instrumenttype": "OPTCUR", "symbol": "USDINR21DEC83.25CE"}
        | {"name": "USDINR", "strike": "832500000.000000", "tick_size": "25000.000000"}
    )
    assert (facts.segment, facts.strike, facts.tick_size) == (
        Segment.CDE_FO,
        Decimal("83.25"),
        Decimal("0.0025"),
    )
    assert facts.key == "cde_fo/USDINR/2025-12-30/83.25/CE"


@pytest.mark.parametrize(
    ("tick", "rupees"),
    [("5.000000", "0.05"), ("1.000000", "0.01"), ("10.000000", "0.1"), ("100.000000", "1")],
)
def test_ticks_are_written_in_paise(tick: str, rupees: str) -> None:
    facts = facts_of(OPTION | {"tick_size": tick})
    assert facts.tick_size == Decimal(rupees)
    assert str(facts.tick_size) == rupees


@pytest.mark.parametrize(
    ("exchange", "kind", "segment"),
    [
        ("NFO", "FUTSTK", Segment.NSE_FO),
        ("BFO", "FUTIDX", Segment.BSE_FO),
        ("MCX", "FUTCOM", Segment.MCX_FO),
        ("NCDEX", "FUTCOM", Segment.NCX_FO),
        ("CDS", "FUTCUR", Segment.CDE_FO),
    ],
)
def test_futures_carry_no_strike(exchange: str, kind: str, segment: Segment) -> None:
    row = OPTION | {"exch_seg": exchange, "instrumenttype": kind, "strike": "-1.000000"}
    facts = facts_of(row)
    assert (facts.segment, facts.kind, facts.strike, facts.right) == (
        segment,
        Kind.FUTURE,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("written", "meant"), [("0", None), ("", None), (None, None), ("1800", 1800)]
)
def test_a_freeze_quantity_of_0_is_none(written: str | None, meant: int | None) -> None:
    assert facts_of(OPTION | {"freeze_qty": written}).freeze_quantity == meant
    assert facts_of(OPTION | {"freeze_qty": "1800", "is_cas_enabled": True, "new": [{}]})


def test_series_of_one_name_stay_apart() -> None:
    rows = [
        SHARE | {"token": str(n), "symbol": f"SBIN-{series}", "name": "SBIN"}
        for n, series in enumerate(("EQ", "BE", "BL"), start=1)
    ]
    master = read(*rows)
    assert [listing.facts.key for listing in master.listings] == [
        "nse_cm/SBIN/EQ",
        "nse_cm/SBIN-BE/EQ",
    ]
    assert master.left_out == {"series BL is no share": 1}


def test_bse_shares_have_bare_symbols() -> None:
    facts = facts_of(SHARE | {"exch_seg": "BSE", "symbol": "RELIANCE"})
    assert facts.key == "bse_cm/RELIANCE/EQ"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"instrumenttype": "UNDCUR", "exch_seg": "CDS"}, "UNDCUR is no contract"),
        ({"instrumenttype": "COMDTY", "exch_seg": "MCX"}, "COMDTY is no contract"),
        ({"exch_seg": "NCO"}, "exchange NCO has no feed"),
    ],
)
def test_what_is_no_contract_is_counted_by_reason(change: dict[str, str], why: str) -> None:
    master = read(SHARE, OPTION | change)
    assert (len(master.listings), master.malformed, master.left_out) == (1, 0, {why: 1})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exch_seg": "nse_cm"}, "exchange 'nse_cm' is unknown"),
        ({"instrumenttype": "OPTXYZ"}, "instrument type 'OPTXYZ' is unknown"),
        ({"expiry": ""}, "expiry '' is not like 30DEC2025"),
        ({"expiry": "31FEB2026"}, "expiry '31FEB2026' is not like"),
        ({"expiry": "30DEZ2025"}, "expiry '30DEZ2025' is not like"),
        ({"expiry": "2025-12-30"}, "expiry '2025-12-30' is not like"),
        ({"strike": "0.000000"}, "strike '0.000000' is not above 0"),
        ({"strike": "-1.000000"}, "strike '-1.000000' is not above 0"),
        ({"strike": "NaN"}, "strike 'NaN' is not a number"),
        ({"strike": "1e999999999"}, "strike '1e999999999' is not a number"),
        ({"tick_size": "0.000000"}, "tick_size '0.000000' is not above 0"),
        ({"lotsize": "0"}, "lotsize '0' is not a whole number above 0"),
        ({"lotsize": "-75"}, "lotsize '-75' is not a whole number"),
        ({"lotsize": "\u0667"}, "is not a whole number"),
        ({"lotsize": 75}, "Expected `str`, got `int`"),
        ({"freeze_qty": "many"}, "freeze_qty 'many' is not a whole number"),
        ({"symbol": "NIFTY30DEC25FUT"}, "neither CE nor PE"),
        ({"symbol": ""}, "no symbol or no name"),
        ({"token": ""}, "token '' is not 1 to 25"),
        ({"token": "9" * 26}, "is not 1 to 25"),
    ],
)
def test_a_malformed_row_is_counted_and_named_and_the_rest_is_read(
    change: dict[str, Any], why: str
) -> None:
    master = read(SHARE, OPTION | change)
    assert (len(master.listings), master.malformed) == (1, 1)
    assert master.problems[0].startswith("row 2: ")
    assert why in master.problems[0]


def test_a_missing_column_is_named() -> None:
    short = {key: value for key, value in OPTION.items() if key != "lotsize"}
    assert "lotsize" in read(SHARE, short).problems[0]


def test_only_the_first_problems_are_put_in_words() -> None:
    master = read(SHARE, *[OPTION | {"lotsize": "x"}] * 9)
    assert (master.malformed, len(master.problems)) == (9, 5)


def test_a_contract_or_token_listed_twice_is_kept_once() -> None:
    same_contract = OPTION | {"token": "43126"}
    same_token = OPTION | {"symbol": "NIFTY30DEC2525050CE", "strike": "2505000.000000"}
    master = read(OPTION, same_contract, same_token)
    assert [listing.token for listing in master.listings] == ["43125"]
    assert master.malformed == 2
    assert "listed already" in master.problems[0]


def test_an_index_token_and_a_contract_may_share_a_number_across_segments() -> None:
    master = read(OPTION, SHARE | {"token": OPTION["token"]})
    assert len(master.listings) == 2


@pytest.mark.parametrize("data", [b"", b"  \n"])
def test_an_empty_file_is_a_file_error(data: bytes) -> None:
    with pytest.raises(FileError, match="scrip master is empty"):
        read_master(data)


def test_a_file_cut_anywhere_is_a_file_error() -> None:
    whole = json.dumps([SHARE, OPTION]).encode()
    for length in range(1, len(whole)):
        with pytest.raises(FileError, match="yesterday's copy"):
            read_master(whole[:length], "master.json")


@pytest.mark.parametrize("data", [b"{}", b'"x"', b"<html></html>", b"[" * 100_000, b"\xff"])
def test_what_is_no_array_is_a_file_error(data: bytes) -> None:
    with pytest.raises(FileError, match="no JSON array of rows"):
        read_master(data)


@pytest.mark.parametrize("data", [b"[]", b"[1, null]"])
def test_a_file_without_a_usable_row_is_a_file_error(data: bytes) -> None:
    with pytest.raises(FileError, match="none can be used"):
        read_master(data, "master.json")


@given(st.dictionaries(st.sampled_from(sorted(OPTION)), st.one_of(st.text(), st.integers())))
def test_no_row_breaks_the_reader(change: dict[str, Any]) -> None:
    master = read(SHARE, OPTION | change)
    assert len(master.listings) + master.malformed + sum(master.left_out.values()) == 2


def test_listings_make_a_catalogue_and_its_token_table() -> None:
    master = read(SHARE, OPTION)
    catalogue = Catalogue.of([listing.facts for listing in master.listings])
    table = TokenTable.of(catalogue, [listing.row for listing in master.listings])
    assert table.instrument(Segment.NSE_FO, "43125") is catalogue.by_key(
        master.listings[1].facts.key
    )
    assert master.listings[0].row == TokenRow(Segment.NSE_CM, "2885", "nse_cm/RELIANCE/EQ")
