"""The recorded chain of 19 August 2026: forward by parity, a sane smile, and who has none."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from engine.core.book import Book
from engine.core.chain import OptionChain
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.greeks import AT_INTRINSIC, ChainGreeks
from engine.model.instrument import Kind, Right, Segment
from engine.model.market import Tick
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions

FILE = (
    Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "market" / "option_chain"
    / "nifty_option_chain_20260819.parquet"
)  # fmt: skip
DAY = date(2026, 8, 19)
EXPIRIES = {"25-Aug-2026": date(2026, 8, 25), "01-Sep-2026": date(2026, 9, 1)}


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    if not FILE.is_file():
        pytest.skip("the recorded option chain is not beside this repository (../shared)")
    frame = pd.read_parquet(FILE)
    # The file's words for these two are its broker's.
    names = list(frame.columns)
    names[4], names[6] = "right", "last"
    return frame.set_axis(names, axis="columns")


def table(rows: pd.DataFrame, expiry: date, minute: str, rate: float = 0.0) -> ChainGreeks:
    """The greeks of one snapshot: last prices only, as the file has them."""
    index = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")
    facts = [
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.OPTION,
            underlying="NIFTY",
            expiry=expiry,
            strike=Decimal(int(strike)),
            right=Right(right),
            lot_size=65,
        )
        for strike, right in zip(rows["strike"], rows["right"], strict=True)
    ]
    catalogue = Catalogue.of([index, *facts])
    book = Book(catalogue)
    now = at_ns(DAY, time(int(minute[-4:-2]), int(minute[-2:])))
    last = [float(rows["spot"].iloc[0]), *rows["last"]]
    for instrument, price in zip(catalogue, last, strict=True):
        book.ticks[instrument.index] = Tick(instrument, "file", price, now, now)
    return OptionChain(catalogue, book, Sessions(), "NIFTY", expiry, now).greeks(rate=rate)


def snapshots(recorded: pd.DataFrame, every: int) -> list[tuple[date, str, pd.DataFrame]]:
    minutes = sorted(recorded["timestamp"].unique())[::every]
    return [
        (expiry, minute, rows)
        for text, expiry in EXPIRIES.items()
        for minute in minutes
        if len(rows := recorded[(recorded["timestamp"] == minute) & (recorded["expiry"] == text)])
    ]


def test_the_forward_lies_where_index_and_options_say(recorded: pd.DataFrame) -> None:
    checked = 0
    for expiry, minute, rows in snapshots(recorded, 20):
        found = table(rows, expiry, minute)
        spot = float(rows["spot"].iloc[0])
        assert found.forward is not None
        assert found.forward_from == "put-call parity, 7 strikes"
        # A premium of 0.1 to 0.6 % on the index, the later expiry above the nearer.
        assert 0.0005 < found.forward / spot - 1 < 0.006, (expiry, minute)
        checked += 1
    assert checked == 12


def test_call_and_put_of_one_strike_agree_about_volatility(recorded: pd.DataFrame) -> None:
    # They must, whatever the model, if the forward is right; on the spot they differ by two points.
    for expiry, minute, rows in snapshots(recorded, 20):
        found = table(rows, expiry, minute)
        assert found.forward is not None
        by_strike = {
            right: {row.strike: row.iv for row in found if row.right is right} for right in Right
        }
        near = [k for k in by_strike[Right.CALL] if abs(float(k) - found.forward) <= 150]
        assert len(near) >= 5
        for strike in near:
            call, put = by_strike[Right.CALL][strike], by_strike[Right.PUT][strike]
            assert call is not None
            assert put is not None
            assert call == pytest.approx(put, abs=0.0035), (expiry, minute, strike)


def test_the_smile_is_a_smile(recorded: pd.DataFrame) -> None:
    for expiry, minute, rows in snapshots(recorded, 20):
        found = table(rows, expiry, minute)
        assert found.forward is not None
        outside = [
            row for row in found if (row.right is Right.CALL) == (float(row.strike) > found.forward)
        ]
        assert all(row.iv is not None for row in outside)
        vols = {float(row.strike): row.iv or 0.0 for row in outside}
        middle = min(vols, key=lambda k: abs(k - found.forward)) if found.forward else 0.0
        low = min(vols)
        assert 0.08 < vols[middle] < 0.14
        assert vols[low] > vols[middle] + 0.02
        assert max(vols.values()) < 0.6
        for row in outside:
            assert row.delta is not None
            assert row.theta is not None
            assert abs(row.delta) < 0.56
            assert row.theta < 0
        calls = [row.delta or 0.0 for row in found if row.right is Right.CALL and row.delta]
        # Last prices are as old as the last trade, so deltas far in the money may cross a little.
        assert sum(a < b - 0.02 for a, b in pairwise(calls)) <= len(calls) / 10


def test_who_has_no_volatility_is_deep_in_the_money_and_below_intrinsic_value(
    recorded: pd.DataFrame,
) -> None:
    first = min(recorded["timestamp"])
    rows = recorded[(recorded["timestamp"] == first) & (recorded["expiry"] == "25-Aug-2026")]
    found = table(rows, EXPIRIES["25-Aug-2026"], first)
    assert (len(found), len(found.missing)) == (187, 10)
    assert {row.missing for row in found.missing} == {AT_INTRINSIC}
    for row in found.missing:
        assert found.forward is not None
        inside = found.forward - float(row.strike)
        assert (inside if row.right is Right.CALL else -inside) > 600, row


def test_the_vendor_s_own_figures_are_near_where_its_forward_is(recorded: pd.DataFrame) -> None:
    # It takes the spot for the forward, so calls look dearer and puts cheaper: their mean agrees.
    first = min(recorded["timestamp"])
    rows = recorded[(recorded["timestamp"] == first) & (recorded["expiry"] == "25-Aug-2026")]
    found = table(rows, EXPIRIES["25-Aug-2026"], first)
    theirs = {
        (strike, right): iv / 100
        for strike, right, iv in zip(rows["strike"], rows["right"], rows["iv"], strict=True)
    }
    for strike in range(24_000, 24_250, 50):
        ours = [row.iv for row in found if row.strike == strike]
        mean = sum(theirs[strike, right] for right in ("CE", "PE")) / 2
        assert sum(iv or 0.0 for iv in ours) / 2 == pytest.approx(mean, abs=0.006), strike
