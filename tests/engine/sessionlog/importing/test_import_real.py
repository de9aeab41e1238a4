"""Real data, read again by pandas: every value of the sources stands in the ticks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engine.errors import FileError
from engine.model.instrument import Kind
from engine.model.market import Tick
from engine.rules.clock_time import clock_text, ist_date
from engine.sessionlog.format import Imported
from engine.sessionlog.reader import SessionLog

Run = Callable[..., Any]
Ticks = Callable[[Path], list[Tick]]

CHAIN = "nse-option-chain-snapshots"
LOT = 65


@pytest.fixture(scope="module")
def chain(market: Path) -> pd.DataFrame:
    """The snapshots, with the rows left out whose volume falls below what was seen before."""
    frame = pd.read_parquet(market / "option_chain" / "nifty_option_chain_20260819.parquet")
    frame["time"] = pd.to_datetime(frame.timestamp, format="%Y%m%d%H%M").dt.tz_localize(
        "Asia/Kolkata"
    )
    frame["expiry"] = pd.to_datetime(frame.expiry, format="%d-%b-%Y").dt.date
    return frame


@pytest.fixture(scope="module")
def made(market: Path, tmp_path_factory: pytest.TempPathFactory, importing: Run) -> Any:
    """The chain of the 19th, imported."""
    file = market / "option_chain" / "nifty_option_chain_20260819.parquet"
    return importing(tmp_path_factory.mktemp("chain") / "chain.arrow", [file], CHAIN).made[0]


def test_every_price_volume_and_open_interest_of_the_chain_comes_back(
    made: Any, chain: pd.DataFrame, ticks_of: Ticks
) -> None:
    key = ["expiry", "strike", "option_type"]
    ordered = chain.sort_values("time", kind="stable")
    seen_before = ordered.groupby(key).volume.cummax()
    expected = ordered[ordered.volume >= seen_before]
    assert len(chain) - len(expected) == 46

    ticks = ticks_of(made.path)
    options = [t for t in ticks if t.instrument.kind is Kind.OPTION]
    assert [t.received_at for t in ticks] == sorted(t.received_at for t in ticks)
    assert len(options) == len(expected) == 46_456
    got = pd.DataFrame(
        {
            "expiry": [t.instrument.expiry for t in options],
            "strike": [float(t.instrument.strike or 0) for t in options],
            "option_type": [str(t.instrument.right) for t in options],
            "time": pd.to_datetime([t.received_at for t in options], utc=True),
            "ltp": [t.last for t in options],
            "volume": [t.volume for t in options],
            "oi": [t.open_interest for t in options],
        }
    )
    both = expected.merge(got, on=[*key, "time"], suffixes=("", "_got"), validate="one_to_one")
    assert len(both) == len(expected)
    assert (both.ltp == both.ltp_got).all()
    assert (both.volume * LOT == both.volume_got).all()
    assert (both.oi * LOT == both.oi_got).all()


def test_the_index_is_made_of_the_spot_once_a_minute(
    made: Any, chain: pd.DataFrame, ticks_of: Ticks
) -> None:
    index = [t for t in ticks_of(made.path) if t.instrument.kind is Kind.INDEX]
    spot = chain.groupby("time").spot.first()
    assert len(index) == len(spot) == 102
    # The source keeps 32-bit floats printed with six digits; the exchange prints paise.
    assert [t.last for t in index] == [round(value, 2) for value in spot]
    assert all(t.volume is None and t.bid is None for t in index)


def test_nobody_claims_a_book_or_a_last_quantity_that_the_source_does_not_have(
    made: Any, ticks_of: Ticks
) -> None:
    for tick in ticks_of(made.path)[:1_000]:
        assert (tick.bid, tick.ask, tick.last_qty, tick.open, tick.average_price) == (None,) * 5


def test_the_header_says_where_it_comes_from_and_what_was_left_out(made: Any) -> None:
    header = SessionLog.open(made.path).header
    assert isinstance(header.imported, Imported)
    assert header.is_imported
    assert not header.is_synthetic
    assert header.cadence_s == 60.0
    assert header.imported.rows_read == 46_502
    assert header.imported.rows_used == 46_456
    assert sum(header.imported.skipped.values()) == 46
    assert [file.name for file in header.imported.files] == ["nifty_option_chain_20260819.parquet"]
    option = next(f for f in header.instruments if f.kind is Kind.OPTION)
    assert (option.lot_size, str(option.tick_size), option.freeze_quantity) == (LOT, "0.05", 1800)


def test_the_same_files_give_the_same_bytes(market: Path, run: Run) -> None:
    file = market / "option_chain" / "nifty_option_chain_20260820.parquet"
    first = run(file, map_name=CHAIN, out="a.arrow").made[0].path
    second = run(file, map_name=CHAIN, out="b.arrow").made[0].path
    assert first.read_bytes() == second.read_bytes()


def test_two_days_are_two_recordings_and_nine_irregular_snapshots_are_fine(
    market: Path, run: Run, ticks_of: Ticks
) -> None:
    result = run(*sorted((market / "option_chain").glob("*.parquet")), map_name=CHAIN, out="days")
    assert [made.path.name for made in result.made] == [
        "nifty-2026-08-19.arrow",
        "nifty-2026-08-20.arrow",
    ]
    times = {t.received_at for t in ticks_of(result.made[1].path)}
    assert len(times) == 9
    for made in result.made:
        imported = made.imported
        left_out = sum(imported.skipped.values())
        assert imported.rows_read == 50_700
        assert imported.rows_used + imported.rows_of_other_days + left_out == 50_700


def test_rows_read_in_any_order_and_in_small_runs_give_the_same_frames(
    market: Path, run: Run, tmp_path: Path, ticks_of: Ticks
) -> None:
    source = market / "option_chain" / "nifty_option_chain_20260820.parquet"
    shuffled = tmp_path / "shuffled.parquet"
    frame = pd.read_parquet(source)
    frame.sample(frac=1, random_state=5).to_parquet(shuffled)
    straight = ticks_of(run(source, map_name=CHAIN, out="a.arrow").made[0].path)
    mixed = run(shuffled, map_name=CHAIN, out="b.arrow", run_rows=500)
    assert [(t.received_at, t.instrument.key, t.last, t.volume) for t in straight] == [
        (t.received_at, t.instrument.key, t.last, t.volume) for t in ticks_of(mixed.made[0].path)
    ]
    backward = (pd.read_parquet(shuffled).timestamp.astype("int64").diff() < 0).sum()
    assert mixed.changed == {"a time before the row above it": backward}


def test_what_the_other_brokers_list_lacks_is_counted_and_its_nearest_is_named(
    market: Path, run: Run
) -> None:
    file = market / "option_chain" / "nifty_option_chain_20260819.parquet"
    listed = market / "masters" / "upstox_NSE_2026.csv.gz"
    with pytest.raises(FileError, match="contract that the instrument list does not have") as error:
        run(file, map_name=CHAIN, listed=listed)
    assert "nearest: nse_fo/NIFTY/2026-09-01/22400/PE" in str(error.value)
    result = run(file, map_name=CHAIN, listed=listed, policies={"unknown_instrument": "skip"})
    rows = pd.read_parquet(file)
    theirs = pd.read_csv(listed, dtype=str)
    theirs = theirs[(theirs.name == "NIFTY") & (theirs.instrument_type == "OPTIDX")]
    known = set(zip(theirs.expiry, theirs.strike.astype(float), theirs.option_type, strict=True))
    expiry = pd.to_datetime(rows.expiry, format="%d-%b-%Y").dt.strftime("%Y-%m-%d")
    ours = zip(expiry, rows.strike, rows.option_type, strict=True)
    unlisted = sum(contract not in known for contract in ours)
    reason = "a contract that the instrument list does not have"
    assert result.skipped[reason] == unlisted
    assert result.tokens == "of the instrument list"


INDEX = "nse-index-candles-1m"


@pytest.fixture(scope="module")
def nifty(market: Path, tmp_path_factory: pytest.TempPathFactory, importing: Run) -> Any:
    out = tmp_path_factory.mktemp("nifty")
    return importing(out / "days", [market / "index_1m" / "NIFTY_2024_1m.csv.gz"], INDEX)


def test_the_corrupt_day_is_refused_with_its_reason_and_the_others_are_made(nifty: Any) -> None:
    days = {made.day.day for made in nifty.made}
    assert len(days) == 155
    assert date(2024, 1, 20) not in days
    assert {date(2024, 3, 2), date(2024, 5, 18)} <= days
    assert list(nifty.refused_days) == [
        (
            "2024-01-20 (Saturday): 167 of its 542 rows lie outside the session (09:15 to 15:30), "
            "the last at 18:16:00: not that day's market"
        )
    ]
    assert nifty.skipped == {"of a day that was refused as a whole": 542}


def test_a_candle_is_four_prints_along_the_path_that_is_stated(
    nifty: Any, market: Path, ticks_of: Ticks
) -> None:
    rows = pd.read_csv(market / "index_1m" / "NIFTY_2024_1m.csv.gz")
    rows = rows[rows.Date == 20240101]
    ticks = ticks_of(nifty.made[0].path)
    assert len(ticks) == 4 * len(rows)
    for place, row in enumerate(rows.itertuples()):
        four = ticks[4 * place : 4 * place + 4]
        middle = (row.Low, row.High) if row.Close > row.Open else (row.High, row.Low)
        assert [t.last for t in four] == [row.Open, *middle, row.Close]
        clock = [clock_text(t.received_at) for t in four]
        assert clock == [
            f"{row.Time}:00.000", f"{row.Time}:20.000", f"{row.Time}:40.000", f"{row.Time}:59.999",
        ]  # fmt: skip


def test_a_special_session_keeps_its_two_windows(nifty: Any, ticks_of: Ticks) -> None:
    made = next(m for m in nifty.made if m.day.day == date(2024, 3, 2))
    minutes = sorted({clock_text(t.received_at, 0)[:5] for t in ticks_of(made.path)})
    assert (minutes[0], minutes[-1], len(minutes)) == ("09:15", "12:29", 105)


def test_a_column_that_is_overruled_is_said(market: Path, run: Run) -> None:
    result = run(
        market / "index_1m" / "BANKNIFTY_2024_1m.csv.gz",
        map_name=INDEX,
        out="bank",
        values={"underlying": "BANKNIFTY"},
        dry_run=True,
    )
    assert any("says 'NIFTY'; taken as 'BANKNIFTY'" in note for note in result.notes)
    assert not result.is_written


def test_two_files_that_both_call_themselves_nifty_are_refused(market: Path, run: Run) -> None:
    files = sorted((market / "index_1m").glob("*.gz"))
    with pytest.raises(FileError, match="57,585 rows: another row of the same contract and time"):
        run(*files, map_name=INDEX, out="both")


def test_ticks_keep_their_milliseconds_and_the_range_of_the_day(
    market: Path, run: Run, ticks_of: Ticks
) -> None:
    file = market / "index_ticks" / "nifty_index_ticks_20220701.csv"
    result = run(file, map_name="index-ticks")
    rows = pd.read_csv(file)
    at = (
        pd.to_datetime(rows.timestamp)
        .dt.tz_localize("Asia/Kolkata")
        .dt.as_unit("ns")
        .astype("int64")
    )
    ticks = ticks_of(result.made[0].path)
    assert [t.received_at for t in ticks] == list(at)
    assert [t.last for t in ticks] == list(rows.last_price)
    assert [(t.open, t.high, t.low) for t in ticks] == list(
        zip(rows.open, rows.high, rows.low, strict=True)
    )
    assert "no calendar of nse_cm is known for 2022-07-01" in result.notes[0]


def test_a_commodity_newest_first_is_put_in_order_with_volume_and_open_interest(
    market: Path, run: Run, tmp_path: Path, ticks_of: Ticks
) -> None:
    file = market / "mcx_1m" / "crudeoil_1m_20260727.csv"
    listed = tmp_path / "mcx.csv"
    listed.write_text(
        "segment,kind,underlying,expiry,lot_size,tick_size,token\n"
        "mcx_fo,future,CRUDEOIL,2026-08-19,100,1,467014\n"
    )
    result = run(
        file,
        map_name="mcx-future-candles-1m",
        values={"underlying": "CRUDEOIL", "expiry": "2026-08-19"},
        listed=listed,
    )
    assert result.notes == ("crudeoil_1m_20260727.csv: newest first; put in order",)
    rows = pd.read_csv(file).iloc[::-1]
    ticks = ticks_of(result.made[0].path)
    assert ist_date(ticks[0].received_at) == date(2026, 7, 27)
    closes = ticks[3::4]
    assert [t.last for t in closes] == list(rows.close)
    assert [t.volume for t in closes] == list(rows.volume.cumsum() * 100)
    assert [t.open_interest for t in closes] == list(rows.open_interest * 100)
    # Nothing of a candle has traded at its first print, and its open interest is not yet known.
    assert (ticks[0].volume, ticks[0].open_interest) == (0, None)
    assert ticks[4].open_interest == closes[0].open_interest
