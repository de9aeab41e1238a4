"""An export holds what the decoder says, typed; bars are those of the kernel's builder."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from engine.app import open_recording
from engine.cli import app
from engine.core.bars import BarBuilder
from engine.core.trading_time import TradingTime
from engine.model.instrument import Kind
from engine.model.market import Bar, Interval
from engine.rules.sessions import Sessions

ROOT = Path(__file__).resolve().parents[4]
BUNDLED = ROOT / "recordings" / "nifty-open.arrow"
MARKET = ROOT / ".." / "shared" / "data" / "market"


Export = Callable[..., Path]


@pytest.fixture(scope="module")
def contract() -> Any:
    """A contract of the bundled recording that prints often: its future."""
    return next(i for i in open_recording(BUNDLED).catalogue if i.kind is Kind.FUTURE)


@pytest.fixture
def export(tmp_path: Path, contract: Any) -> Export:
    """Export one contract of the bundled recording."""

    def call(what: str, name: str, *more: str) -> Path:
        out = tmp_path / name
        words = ["recordings", "export", str(BUNDLED), "--what", what, "--out", str(out)]
        assert app.main([*words, "--instruments", contract.key, *more]) == 0
        assert [path.name for path in tmp_path.iterdir()] == [name]
        return out

    return call


def decoded(contract: Any) -> list[tuple[Any, Any]]:
    """The contract's (tick, book) as a run decodes them."""
    recording = open_recording(BUNDLED)
    found = []
    for batch in recording.frames():
        for at, payload in zip(batch.received_at, batch.payloads, strict=True):
            tick = recording.decoder.tick(payload, at)
            if tick is not None and tick.instrument.key == contract.key:
                found.append((tick, recording.decoder.depth(payload, at)))
    return found


def test_ticks_are_the_decoders_to_the_last_field(export: Export, contract: Any) -> None:
    table = pa_parquet.read_table(export("ticks", "ticks.parquet")).to_pylist()
    ticks = [tick for tick, _ in decoded(contract)]
    assert len(table) == len(ticks) > 1_000
    for row, tick in zip(table, ticks, strict=True):
        assert row["instrument"] == contract.key
        assert row["received_at"].value == tick.received_at
        assert row["exchange_time"].value == tick.exchange_time
        assert row["last_inr"] == tick.last
        assert row["last_quantity_units"] == tick.last_qty
        assert row["volume_units"] == tick.volume
        assert row["open_interest_units"] == tick.open_interest
        assert (row["bid_inr"], row["bid_quantity_units"]) == (tick.bid, tick.bid_qty)
        assert (row["ask_inr"], row["ask_quantity_units"]) == (tick.ask, tick.ask_qty)
        assert row["average_price_inr"] == tick.average_price
        assert (row["day_open_inr"], row["day_high_inr"], row["day_low_inr"]) == (
            tick.open, tick.high, tick.low,
        )  # fmt: skip
        assert row["previous_close_inr"] == tick.previous_close


def test_columns_are_typed_and_times_are_instants_in_india(export: Export) -> None:
    schema = pa_parquet.read_schema(export("ticks", "ticks.parquet"))
    assert schema.field("received_at").type == pa.timestamp("ns", tz="Asia/Kolkata")
    assert schema.field("expiry").type == pa.date32()
    assert schema.field("volume_units").type == pa.int64()
    assert schema.field("last_inr").type == pa.float64()


def test_two_lines_of_pandas_and_of_polars_read_the_same(export: Export, contract: Any) -> None:
    path = export("ticks", "ticks.parquet")
    ticks = [tick for tick, _ in decoded(contract)]
    minutes = pd.read_parquet(path).set_index("received_at").last_inr.resample("1min").last()
    assert str(minutes.index[0]) == "2026-08-17 09:15:00+05:30"
    assert minutes.iloc[-1] == ticks[-1].last
    mean = pl.read_parquet(path).select(pl.col("last_inr").mean()).item()
    assert math.isclose(mean, sum(t.last for t in ticks) / len(ticks))


def test_csv_says_the_offset_and_both_libraries_read_it(export: Export, contract: Any) -> None:
    path = export("ticks", "ticks.csv")
    first = decoded(contract)[0][0]
    frame = pd.read_csv(path, parse_dates=["received_at", "exchange_time"])
    assert frame.received_at[0].value == first.received_at
    assert str(frame.received_at[0]).endswith("+05:30")
    assert frame.last_inr[0] == first.last
    times = pl.read_csv(path, try_parse_dates=True)["received_at"]
    assert times.dt.timestamp("us")[0] == first.received_at // 1_000


def test_books_are_five_levels_a_side(export: Export, contract: Any) -> None:
    table = pa_parquet.read_table(export("depth", "depth.parquet")).to_pylist()
    books = [book for _, book in decoded(contract) if book is not None]
    assert len(table) == len(books) > 1_000
    for row, book in zip(table, books, strict=True):
        for side, levels in (("bid", book.bids), ("ask", book.asks)):
            for place in range(5):
                level = levels[place] if place < len(levels) else (None, None, None)
                name = f"{side}_{place + 1}"
                assert row[f"{name}_inr"] == level[0]
                assert row[f"{name}_quantity_units"] == level[1]
                assert row[f"{name}_orders"] == level[2]


@pytest.mark.parametrize("interval", [Interval.M1, Interval.M15])
def test_bars_are_what_a_strategy_would_have_seen(
    export: Export, contract: Any, interval: Interval
) -> None:
    recording = open_recording(BUNDLED)
    trading = TradingTime(recording.catalogue, Sessions(), recording.header.trading_date)
    builder = BarBuilder(contract, interval, trading.require(contract))
    expected: list[Bar] = []
    for tick, _ in decoded(contract):
        done = builder.update(tick)
        expected += [done] if done is not None else []
    last = builder.close(builder.end)
    expected += [last] if last is not None else []
    path = export("bars", "bars.parquet", "--interval", interval)
    table = pa_parquet.read_table(path).to_pylist()
    got = [
        (r["start"].value, r["end"].value, r["open_inr"], r["high_inr"], r["low_inr"],
         r["close_inr"], r["volume_units"], r["open_interest_units"], r["prints"])
        for r in table
    ]  # fmt: skip
    assert got == [
        (b.start, b.end, b.open, b.high, b.low, b.close, b.volume, b.open_interest, b.count)
        for b in expected
    ]
    assert [row["is_complete"] for row in table[:-1]] == [True] * (len(table) - 1)


def test_bars_of_an_import_are_the_candles_it_was_made_of(tmp_path: Path) -> None:
    if not MARKET.is_dir():
        pytest.skip("the market data is not beside this repository (../shared)")
    source = MARKET / "mcx_1m" / "crudeoil_1m_20260727.csv"
    listed = tmp_path / "mcx.csv"
    listed.write_text(
        "segment,kind,underlying,expiry,lot_size,tick_size\n"
        "mcx_fo,future,CRUDEOIL,2026-08-19,100,1\n"
    )
    recording, bars = tmp_path / "crude.arrow", tmp_path / "bars.parquet"
    words = ["recordings", "import", str(source), "--map", "mcx-future-candles-1m"]
    values = ["--set", "underlying=CRUDEOIL", "--set", "expiry=2026-08-19"]
    assert app.main(
        [*words, *values, "--instruments", str(listed), "--out", str(recording)]
    ) == 0  # fmt: skip
    assert app.main(
        ["recordings", "export", str(recording), "--what", "bars", "--out", str(bars)]
    ) == 0  # fmt: skip
    candles = pd.read_csv(source).iloc[::-1].reset_index(drop=True)
    made = pd.read_parquet(bars)
    assert len(made) == len(candles) == 870
    assert (made.start == pd.to_datetime(candles.timestamp)).all()
    for name in ("open", "high", "low", "close"):
        assert (made[f"{name}_inr"] == candles[name]).all()
    assert (made.volume_units == candles.volume * 100).all()
    assert (made.open_interest_units == candles.open_interest * 100).all()
    assert made.is_complete.all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--what", "ticks", "--out", "x.xlsx"], "an export ends in .parquet or .csv"),
        (["--what", "ticks", "--out", "x.csv", "--instruments", "NIFTI"], "no instrument 'NIFTI'"),
        (["--what", "ticks", "--out", "x.csv", "--instruments", "nse_fo/X/*"], "matches none of"),
    ],
)
def test_what_cannot_be_written_is_said(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = str(tmp_path / words[3])
    code = app.main(["recordings", "export", str(BUNDLED), *words[:3], out, *words[4:]])
    assert code == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


LIST = """\
segment,kind,underlying,expiry,lot_size,tick_size,token,symbol
nse_cm,equity,SBIN,,1,0.05,3045,SBIN-EQ
nse_fo,future,SBIN,2026-08-25,750,0.05,60001,SBIN25AUG26FUT
"""
QUOTES = """\
time,symbol,price
2026-08-19 15:13:00,SBIN-EQ,800
2026-08-19 15:13:00,SBIN25AUG26FUT,801
2026-08-19 15:20:00,SBIN-EQ,805
2026-08-19 15:20:00,SBIN25AUG26FUT,806
"""
QUOTES_MAP = """\
title: of the tests
rows: snapshots
cadence_s: 60
timezone: Asia/Kolkata
fields: {time: time, symbol: symbol, last: price}
"""
EARLIER = """\
days:
  - day: "2026-08-19"
    segments: [nse_cm, nse_fo]
    trades: ["09:15-15:00"]
    why: of the tests
    source: nowhere
"""


def test_bars_keep_to_the_hours_of_a_run_and_of_a_calendar_file(tmp_path: Path) -> None:
    for name, text in (
        ("list.csv", LIST), ("q.csv", QUOTES), ("q.yaml", QUOTES_MAP), ("own.yaml", EARLIER),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    made = ["--map", str(tmp_path / "q.yaml"), "--instruments", str(tmp_path / "list.csv")]
    tape = tmp_path / "tape.arrow"
    words = ["recordings", "import", str(tmp_path / "q.csv"), *made, "--out", str(tape)]
    assert app.main(words) == 0

    def bars(*more: str) -> list[tuple[str, ...]]:
        out = tmp_path / "bars.csv"
        words = ["recordings", "export", str(tape), "--what", "bars", "--out", str(out), *more]
        assert app.main([*words, "--interval", "1h", "--force"]) == 0
        rows = pl.read_csv(out).select("kind", "start", "end").rows()
        return sorted((kind, start[11:16], end[11:16]) for kind, start, end in rows)

    # A share with a future trades until 15:15; what prints in the auction is counted from there.
    assert bars() == [
        ("equity", "14:15", "15:15"), ("equity", "15:15", "16:15"),
        ("future", "14:15", "15:15"), ("future", "15:15", "15:40"),
    ]  # fmt: skip
    assert bars("--calendar", str(tmp_path / "own.yaml")) == [
        ("equity", "15:00", "16:00"), ("future", "15:00", "16:00"),
    ]  # fmt: skip
