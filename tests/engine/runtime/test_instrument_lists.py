"""Instrument lists: one's own with its lines, a broker's master, another broker's list."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.registry import BROKERS
from engine.errors import FileError
from engine.model.instrument import Kind, Right
from engine.runtime.instrument_lists import InstrumentList, read_instrument_list

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"

HEADER = (
    "segment,kind,underlying,expiry,strike,right,lot_size,tick_size,freeze_quantity,token,symbol"
)
OPTION = "nse_fo,option,NIFTY,2026-08-25,24000,CE,65,0.05,1800,43001,NIFTY25AUG2624000CE"
OTHERS = (
    "instrument_key,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,option_type,exchange\n"
)


def read(path: Path) -> InstrumentList:
    return read_instrument_list(path, BROKERS.frame_maker("angelone").read_master)


def test_a_list_of_ones_own_says_everything_of_a_contract(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"{HEADER}\n{OPTION}\nnse_cm,index,NIFTY,,,,,,,,\n")
    option, index = read(path).listings
    assert option.facts.key == "nse_fo/NIFTY/2026-08-25/24000/CE"
    assert (option.facts.lot_size, option.facts.tick_size) == (65, Decimal("0.05"))
    assert (option.facts.freeze_quantity, option.token) == (1800, "43001")
    assert option.symbol == "NIFTY25AUG2624000CE"
    assert (index.facts.kind, index.token) == (Kind.INDEX, "")


def test_yaml_and_gzip_read_as_csv_does(tmp_path: Path) -> None:
    plain, packed = tmp_path / "own.csv", tmp_path / "own.csv.gz"
    plain.write_text(f"{HEADER}\n{OPTION}\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    words = tmp_path / "own.yaml"
    words.write_text(
        "instruments:\n"
        "  - {segment: nse_fo, kind: option, underlying: NIFTY, expiry: 2026-08-25, strike: 24000,\n"
        '     right: CE, lot_size: 65, tick_size: 0.05, freeze_quantity: 1800, token: "43001",\n'
        "     symbol: NIFTY25AUG2624000CE}\n"
    )
    assert read(plain).listings == read(packed).listings == read(words).listings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEADER}\n{OPTION.replace('65', '0')}\n", "own.csv:2: lot_size 0 is not above 0"),
        (f"{HEADER}\n{OPTION.replace('0.05', 'five')}\n", "tick_size 'five' is no number"),
        (f"{HEADER}\n{OPTION.replace(',65,', ',,')}\n", "own.csv:2: option: needs a lot_size"),
        (f"{HEADER}\n{OPTION.replace('CE,', 'XX,')}\n", "'XX' is not a valid Right"),
        (f"{HEADER}\n{OPTION}\n{OPTION}\n", "own.csv:3: nse_fo/NIFTY/2026-08-25/24000/CE stands on"),
        (f"{HEADER.replace('lot_size', 'lots_size')}\n{OPTION}\n", "nearest: lot_size"),
        (f"{HEADER}\nnse_fo,option\n", "own.csv:2: half a row"),
        (f"{HEADER}\n", "no rows in it"),
        (f"{HEADER}\n{OPTION.replace('NIFTY,', ',', 1)}\n", "own.csv:2: underlying is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_list_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=said):
        read(path)


def test_another_file_is_no_list(tmp_path: Path) -> None:
    for name, content, said in (
        ("list.xlsx", b"x", "a list ends in .json, .csv, .csv.gz or .yaml"),
        ("list.csv.gz", b"x", "cut short or damaged"),
        ("list.csv", b"\xff\xfe", "not UTF-8"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FileError, match=said):
            read(path)


def test_the_other_brokers_list_gives_underlyings_that_it_does_not_name(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(
        OTHERS
        + "NSE_FO|1,1,RELIANCE26SEP1190PE,RELIANCE INDUSTRIES LTD,19.4,2026-09-29,1190.0,0.05,500,OPTSTK,PE,NSE_FO\n"
        + "NSE_FO|2,2,NIFTY2681825000CE,NIFTY,37.2,2026-08-18,25000.0,0.05,65,OPTIDX,CE,NSE_FO\n"
        + "NSE_FO|3,3,BANKNIFTY26OCTFUT,BANKNIFTY,58092.6,2026-10-27,0.0,0.2,30,FUTIDX,FF,NSE_FO\n"
        + "NSE_INDEX|Nifty Bank,26009,BANKNIFTY,Nifty Bank,57264.85,,,,,INDEX,INDEX,NSE_INDEX\n"
        + "NCD_FO|4,4,GBPINR26814130.5CE,GBPINR,1.985,2026-08-14,130.5,0.25,1,OPTCUR,CE,NCD_FO\n"
    )  # fmt: skip
    found = read(path)
    keys = [listing.facts.key for listing in found.listings]
    assert keys == [
        "nse_fo/RELIANCE/2026-09-29/1190/PE",
        "nse_fo/NIFTY/2026-08-18/25000/CE",
        "nse_fo/BANKNIFTY/2026-10-27/FUT",
        "nse_cm/BANKNIFTY/INDEX",
    ]
    assert found.notes == ("theirs.csv: left out 1 rows of NCD_FO, whose units are not known here",)


def test_the_real_lists_agree_on_the_lot_of_nifty() -> None:
    if not SHARED.is_dir():
        pytest.skip("the reference data are not beside this repository (../shared)")
    theirs = read(SHARED / "market" / "masters" / "upstox_NSE_2026.csv.gz").listings
    nifty = [
        each.facts
        for each in theirs
        if each.facts.underlying == "NIFTY" and each.facts.right is Right.CALL
    ]
    assert {facts.lot_size for facts in nifty} == {65}
    assert date(2026, 8, 25) in {facts.expiry for facts in nifty}
    ours = read(SHARED / "angelone" / "scrip_master" / "nse_2026_real_rows.json")
    assert ("99926000", "nse_cm/NIFTY/INDEX") in {
        (each.token, each.facts.key) for each in ours.listings
    }
