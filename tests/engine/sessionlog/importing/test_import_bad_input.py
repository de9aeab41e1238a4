"""What is wrong with a source is said: what, where, how many and what to do; nothing is left behind."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from engine.errors import ConfigError, FileError
from engine.model.market import Tick

Run = Callable[..., Any]
Ticks = Callable[[Path], list[Tick]]
Refuses = Callable[..., str]

MAP = """\
title: quotes of the tests
rows: snapshots
cadence_s: 60
timezone: Asia/Kolkata
fields:
  time: time
  segment: {value: nse_fo}
  underlying: name
  expiry: expiry
  strike: strike
  right: right
  last: price
  volume: volume
"""
CANDLES = """\
title: candles of the tests
rows: candles
cadence_s: 60
timezone: Asia/Kolkata
fields:
  time: time
  segment: {value: nse_cm}
  kind: {value: index}
  underlying: {value: NIFTY}
  open: o
  high: h
  low: l
  close: c
"""
HEADER = "time,name,expiry,strike,right,price,volume"
GOOD = (
    "2026-08-19 09:15:00,NIFTY,2026-08-25,24000,CE,120.05,650",
    "2026-08-19 09:15:00,NIFTY,2026-08-25,24000,PE,80,1300",
    "2026-08-19 09:16:00,NIFTY,2026-08-25,24000,CE,121.10,715",
)


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """A CSV of good rows and those of the test, and a map for it."""

    def write(*rows: str, mapped: str = MAP, header: str = HEADER, good: bool = True) -> Any:
        file, map_file = tmp_path / "quotes.csv", tmp_path / "quotes.yaml"
        file.write_text("\n".join([header, *(GOOD if good else ()), *rows]) + "\n")
        map_file.write_text(mapped)
        return file, map_file

    return write


@pytest.fixture
def refuses(source: Any, run: Run, tmp_path: Path) -> Refuses:
    """Return what an import of these rows is refused with, nothing being left of it."""

    def call(*rows: str, policies: Any = None, **more: Any) -> str:
        file, map_file = source(*rows, **more)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(FileError) as error:
            run(file, map_name=str(map_file), policies=policies)
        assert sorted(tmp_path.rglob("*")) == before
        return str(error.value)

    return call


def row(
    time: str = "2026-08-19 09:17:00",
    *,
    price: str = "100",
    strike: str = "24000",
    expiry: str = "2026-08-25",
    right: str = "CE",
    volume: str = "780",
) -> str:
    return f"{time},NIFTY,{expiry},{strike},{right},{price},{volume}"


WRONG = {
    "an off-grid price": ([row(price="100.02")], "off_grid: round", "1 row: a price between two"),
    "a zero": ([row(price="0")], "bad_price: skip", "price of zero or below (quotes.csv:5 last 0"),
    "a negative price": ([row(price="-5")], "bad_price: skip", "last -5"),
    "NaN": ([row(price="nan")], "missing: skip", "NaN or no number"),
    "nothing": ([row(price="")], "missing: skip", "(quotes.csv:5 last)"),
    "words": ([row(price="n/a")], "missing: skip", "NaN or no number"),
    "infinity": ([row(price="inf")], "missing: skip", "NaN or no number"),
    "half a row": (["2026-08-19 09:17:00,NIFTY,2026-08-25"], "half_row: skip", "(quotes.csv:5)"),
    "too much of a row": ([row() + ",x"], "half_row: skip", "half a row: fewer or more"),
    "an unreadable time": ([row("yesterday")], "missing: skip", "(quotes.csv:5 yesterday)"),
    "a time of no day": ([row("2026-08-32 09:17:00")], "missing: skip", "a time that cannot be"),
    "an absurd strike": ([row(strike="2400000")], "absurd_strike: skip", "middle strike is 24000"),
    "a strike of zero": ([row(strike="0")], "missing: skip", "strike 0 is not above 0"),
    "a right of no kind": ([row(right="XX")], "missing: skip", "'XX' is neither CE nor PE"),
    "an expiry in words": ([row(expiry="next")], "missing: skip", "expiry 'next' cannot be read"),
    "an expired contract": ([row(expiry="2026-08-18")], "expired: skip", "24000/CE on 2026-08-19"),
    "an odd lot": ([row(volume="781")], "unit: lots", "no multiple of the lot (quotes.csv:5 781"),
    "part of a unit": ([row(volume="780.5")], "missing: skip", "no whole number from 0"),
    "a falling volume": ([row(volume="65")], "falling_volume: skip", "65 after 715"),
    "two prices": ([row("2026-08-19 09:16:00")], "duplicate: first", "quotes.csv:4 and quotes.csv:5"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_each_fault_is_refused_with_its_place_and_its_remedy(refuses: Refuses, what: str) -> None:
    rows, remedy, words = WRONG[what]
    said = refuses(*rows)
    assert words in said
    assert remedy in said
    assert "1 row: " in said
    assert "not imported, nothing was written" in said


def test_every_fault_is_told_at_once_with_how_many_and_the_first_three_places(
    refuses: Refuses,
) -> None:
    rows = [row(f"2026-08-19 09:2{n}:00", price="0") for n in range(5)]
    said = refuses(*rows, row(price="nan"))
    assert "5 rows: a price of zero or below (quotes.csv:5 last 0" in said
    assert "quotes.csv:7" in said
    assert "quotes.csv:8" not in said
    assert "1 row: no value, NaN" in said


SKIPPED = {
    "off_grid": row(price="100.02"),
    "bad_price": row(price="0"),
    "missing": row(price=""),
    "half_row": "2026-08-19 09:17:00,NIFTY",
    "absurd_strike": row(strike="2400000"),
    "expired": row(expiry="2026-08-18"),
    "falling_volume": row(volume="65"),
    "outside_session": row("2026-08-19 08:17:00"),
}


@pytest.mark.parametrize("policy", SKIPPED)
def test_what_is_left_out_is_counted_and_the_rest_is_there(
    source: Any, run: Run, ticks_of: Ticks, policy: str
) -> None:
    file, map_file = source(SKIPPED[policy])
    result = run(file, map_name=str(map_file), policies={policy: "skip"})
    assert result.rows_read == 4
    assert list(result.skipped.values()) == [1]
    assert len(ticks_of(result.made[0].path)) == 3


def test_a_price_off_the_grid_is_rounded_to_the_nearest_tick_where_asked(
    source: Any, run: Run, ticks_of: Ticks
) -> None:
    file, map_file = source(row(price="100.02"), row("2026-08-19 09:18:00", price="100.03"))
    result = run(file, map_name=str(map_file), policies={"off_grid": "round"})
    assert [t.last for t in ticks_of(result.made[0].path)][-2:] == [100.0, 100.05]
    assert result.changed == {"a price between two ticks": 2}


def test_a_float_of_32_bits_is_on_the_grid(run: Run, ticks_of: Ticks, tmp_path: Path) -> None:
    table = pa.table(
        {
            "time": ["2026-08-19 09:15:00"],
            "name": ["NIFTY"],
            "expiry": ["2026-08-25"],
            "strike": pa.array([24_000.0], pa.float32()),
            "right": ["CE"],
            "price": pa.array([2_872.35], pa.float32()),
            "volume": [65],
        }
    )
    pa_parquet.write_table(table, tmp_path / "q.parquet")
    (tmp_path / "q.yaml").write_text(MAP)
    result = run(tmp_path / "q.parquet", map_name=str(tmp_path / "q.yaml"))
    (tick,) = ticks_of(result.made[0].path)
    assert (tick.last, str(tick.instrument.strike)) == (2_872.35, "24000")


@pytest.mark.parametrize(
    ("policy", "prices"), [("first", [120.05]), ("last", [99.0]), ("keep", [120.05, 99.0])]
)
def test_of_two_rows_of_a_contract_and_time_the_policy_chooses(
    source: Any, run: Run, ticks_of: Ticks, policy: str, prices: list[float]
) -> None:
    second = row("2026-08-19 09:15:00", price="99", volume="650")
    file, map_file = source(GOOD[0], second, good=False)
    result = run(
        file, map_name=str(map_file), policies={"duplicate": policy, "falling_volume": "keep"}
    )
    assert [t.last for t in ticks_of(result.made[0].path)] == prices


def test_the_same_row_again_is_left_out_without_asking(source: Any, run: Run) -> None:
    file, map_file = source(GOOD[0])
    assert run(file, map_name=str(map_file)).skipped == {"the same row again": 1}


def test_backward_times_are_put_in_order_or_refused(
    source: Any, run: Run, refuses: Refuses
) -> None:
    early = row("2026-08-19 09:15:30", volume="650", price="120.1")
    assert "1 row: a time before the row above it (quotes.csv:5)" in refuses(
        early, policies={"backward": "refuse"}
    )
    file, map_file = source(early)
    assert run(file, map_name=str(map_file)).changed == {"a time before the row above it": 1}


def test_a_day_that_is_no_trading_day_is_refused(refuses: Refuses) -> None:
    said = refuses(row("2026-08-16 09:17:00"), good=False)
    assert "nothing to import in 1 rows" in said
    assert "2026-08-16 (Sunday): the exchange was closed" in said


def test_a_candle_whose_high_is_below_its_close_is_refused(refuses: Refuses) -> None:
    said = refuses(
        "2026-08-19 09:15:00,24000,24001,23990,24005", mapped=CANDLES, header="time,o,h,l,c",
        good=False,
    )  # fmt: skip
    assert "1 row: a candle whose high or low does not hold its open and close" in said


def test_a_missing_column_names_the_nearest_and_what_there_is(refuses: Refuses) -> None:
    said = refuses(mapped=MAP.replace("last: price", "last: prise"))
    assert "no column 'prise', which the map takes as last; nearest: 'price'" in said
    assert "(columns: time, name, expiry, strike, right, price, volume)" in said


def test_columns_that_nobody_asked_for_are_said(source: Any, run: Run) -> None:
    file, map_file = source("2026-08-19 09:15:00,NIFTY,2026-08-25,24000,CE,120,65,0.4,9",
                            header=HEADER + ",delta,gamma", good=False)  # fmt: skip
    assert run(file, map_name=str(map_file)).notes == (
        "quotes.csv: not used, for the map does not name them: delta, gamma",
    )


def test_mixed_zones_naive_times_and_an_unknown_zone_are_refused(
    refuses: Refuses,
) -> None:
    said = refuses(row("2026-08-19T09:17:00+05:30"))
    assert "1 times name a zone (2026-08-19T09:17:00+05:30) and 3 do not" in said
    said = refuses(mapped=MAP.replace("timezone: Asia/Kolkata\n", ""))
    assert "its times name no zone, and neither does the map; add `timezone: Asia/Kolkata`" in said
    assert "timezone 'Asia/Calcuta' is not known" in refuses(
        mapped=MAP.replace("Kolkata", "Calcuta")
    )


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("2026-08-19T03:45:00Z", None),
        ("2026-08-19T09:15:00+05:30", None),
        ("2026-08-19 09:15:00", "Asia/Kolkata"),
        ("2026-08-19 03:45:00", "UTC"),
        ("2026-08-18 23:45:00", "America/New_York"),
    ],
)
def test_an_instant_is_the_same_in_every_zone(
    source: Any, run: Run, ticks_of: Ticks, written: str, zone: str | None
) -> None:
    line = f"timezone: {zone}\n" if zone else ""
    mapped = MAP.replace("timezone: Asia/Kolkata\n", line)
    file, map_file = source(row(written), mapped=mapped, good=False)
    (tick,) = ticks_of(run(file, map_name=str(map_file)).made[0].path)
    assert tick.received_at == tick.exchange_time == 1_787_111_100_000_000_000


@pytest.mark.parametrize(
    ("unit", "factor"), [("s", 1), ("ms", 1_000), ("us", 10**6), ("ns", 10**9)]
)
def test_an_epoch_is_read_in_its_unit(
    source: Any, run: Run, ticks_of: Ticks, unit: str, factor: int
) -> None:
    mapped = MAP.replace("time: time", f"time: {{column: time, unit: {unit}}}")
    file, map_file = source(row(str(1_787_111_100 * factor)), mapped=mapped, good=False)
    (tick,) = ticks_of(run(file, map_name=str(map_file)).made[0].path)
    assert tick.received_at == 1_787_111_100_000_000_000


def test_a_broken_file_is_said(run: Run, tmp_path: Path, source: Any) -> None:
    file, map_file = source()
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(file.read_bytes() * 500)[:-400])
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    words = tmp_path / "words.parquet"
    words.write_text("no parquet")
    twice = tmp_path / "twice.csv"
    twice.write_text("time,time\n1,2\n")
    for broken, said in (
        (cut, "Truncated compressed stream"),
        (empty, "the file is empty"),
        (words, "cannot be read as its name says"),
        (twice, "the column 'time' stands twice"),
        (tmp_path / "gone.csv", "no such file"),
        (tmp_path / "x.xlsx", "files that end in .csv, .csv.gz, .parquet can be read"),
    ):
        with pytest.raises(FileError, match=said):
            run(broken, map_name=str(map_file))
    with pytest.raises(FileError, match="named twice"):
        run(file, file, map_name=str(map_file))


def test_lines_are_counted_past_half_rows(refuses: Refuses) -> None:
    said = refuses("half,a,row", row(price="0"), "another", row("2026-08-19 09:18:00", price="0"))
    assert (
        "2 rows: half a row: fewer or more columns than the header (quotes.csv:5, quotes.csv:7)"
        in said
    )
    assert "(quotes.csv:6 last 0, quotes.csv:8 last 0)" in said


def test_what_exists_is_replaced_only_when_asked(source: Any, run: Run) -> None:
    file, map_file = source()
    made = run(file, map_name=str(map_file)).made[0].path
    before = made.read_bytes()
    with pytest.raises(FileError, match="exists already; --force replaces it"):
        run(file, map_name=str(map_file))
    assert made.read_bytes() == before
    assert run(file, map_name=str(map_file), force=True).is_written


def test_several_days_want_a_folder(source: Any, run: Run) -> None:
    file, map_file = source(row("2026-08-20 09:17:00"))
    with pytest.raises(FileError, match="holds 2 trading days, and a recording is of one"):
        run(file, map_name=str(map_file))
    assert [m.path.name for m in run(file, map_name=str(map_file), out="days").made] == [
        "nifty-2026-08-19.arrow", "nifty-2026-08-20.arrow",
    ]  # fmt: skip


def test_a_dry_run_writes_nothing(source: Any, run: Run, tmp_path: Path) -> None:
    file, map_file = source()
    before = sorted(tmp_path.rglob("*"))
    result = run(file, map_name=str(map_file), dry_run=True)
    assert not result.is_written
    assert result.made[0].day.rows == 3
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("last: price", "lost: price"), "nearest: last"),
        (("cadence_s: 60", "cadence_s: -1"), "cadence_s"),
        (("rows: snapshots", "rows: candles"), "candles need open, high, low, close"),
        (("volume: volume", "open_interest: volume"), "open_interest without volume"),
        (("volume: volume", "volume: volume\n  bid: price"), "bid and bid_quantity come together"),
        (("underlying: name", "kind: {value: index}"), "--set underlying=NAME"),
        (("time: time", "time: {value: '09:15'}"), "time comes from a column"),
        (("strike: strike", "strike: {column: a, value: b}"), "one of column, columns and value"),
        (("right: right", "right: {column: right, unit: lots}"), "right has no unit lots"),
        (("last: price", "last: {column: price, format: x}"), "last has no format"),
        (
            ("time: time", "time: {column: time, format: '%d.%m.%Y %T.%f'}"),
            "%f or %s cannot be read",
        ),
        (("time: time", "time: {column: time, format: '%s'}"), "an epoch is with `unit: s`"),
    ],
)
def test_a_map_that_is_not_right_names_its_line_or_key(
    source: Any, run: Run, change: tuple[str, str], said: str
) -> None:
    file, map_file = source(mapped=MAP.replace(*change))
    with pytest.raises(ConfigError, match=said):
        run(file, map_name=str(map_file))


def test_best_prices_become_a_book_of_one_level(source: Any, run: Run, ticks_of: Ticks) -> None:
    mapped = MAP + "  bid: b\n  bid_quantity: bq\n  ask: a\n  ask_quantity: aq\n"
    file, map_file = source(
        row() + ",99.95,130,100.05,65", mapped=mapped, header=HEADER + ",b,bq,a,aq", good=False
    )
    result = run(file, map_name=str(map_file))
    (tick,) = ticks_of(result.made[0].path)
    assert (tick.bid, tick.bid_qty, tick.ask, tick.ask_qty) == (99.95, 130, 100.05, 65)
    assert result.made[0].imported.has_books
