"""Sources that are odd rather than broken: other zones, other encodings, figures beyond belief."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import FileError
from engine.model.market import Tick

Run = Callable[..., Any]
Ticks = Callable[[Path], list[Tick]]
Write = Callable[..., tuple[Path, Path]]

OF_FUTURE = """\
title: of the tests
rows: {rows}
cadence_s: {cadence}
timezone: Asia/Kolkata
fields:
  time: {time}
  segment: {{value: nse_fo}}
  kind: {{value: future}}
  underlying: {{value: NIFTY}}
  expiry: {{value: "2026-08-25"}}
"""
HALF_PAST_NINE = 1_787_112_000_000_000_000


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a source of one future, and a map for it."""

    def snapshots(*rows: str, time: str = "time", encoding: str = "utf-8") -> tuple[Path, Path]:
        file, map_file = tmp_path / "odd.csv", tmp_path / "odd.yaml"
        text = "\n".join(["time,price,für" if encoding != "utf-8" else "time,price,for", *rows])
        file.write_bytes(f"{text}\n".encode(encoding))
        mapped = OF_FUTURE.format(rows="snapshots", cadence=60, time=time)
        map_file.write_text(f"{mapped}  last: price\n")
        return file, map_file

    return snapshots


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("2026-08-19 09:30:00+0530", "%Y-%m-%d %H:%M:%S%z"),
        ("19/08/2026 04:00 +0000", "%d/%m/%Y %H:%M %z"),
        ("18-08-2026 23:00:00 -0500", "%d-%m-%Y %H:%M:%S %z"),
    ],
)
def test_a_zone_that_the_format_reads_is_the_zone_of_the_time(
    write: Write, run: Run, ticks_of: Ticks, written: str, form: str
) -> None:
    file, map_file = write(f"{written},24000,x", time=f'{{column: time, format: "{form}"}}')
    (tick,) = ticks_of(run(file, map_name=str(map_file)).made[0].path)
    assert tick.received_at == HALF_PAST_NINE


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("1787112000000", "{column: time, unit: s}"),
        ("1787112000000.5", "{column: time, unit: s}"),
        ("1e300", "{column: time, unit: ns}"),
        ("9999-12-31 09:30:00", "time"),
        ("9999-12-31 09:30", '{column: time, format: "%Y-%m-%d %H:%M"}'),
    ],
)
def test_a_time_beyond_what_nanoseconds_hold_is_no_time(
    write: Write, run: Run, written: str, time: str
) -> None:
    file, map_file = write(f"{written},24000,x", time=time)
    with pytest.raises(FileError, match="1 row: a time that cannot be read"):
        run(file, map_name=str(map_file))


@pytest.mark.parametrize("price", ["1e300", "1e18", "99999999999"])
def test_a_price_that_nothing_costs_is_no_price(write: Write, run: Run, price: str) -> None:
    file, map_file = write(f"2026-08-19 09:30:00,{price},x")
    with pytest.raises(FileError, match="1 row: no value, NaN or no number where one is needed"):
        run(file, map_name=str(map_file))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_header_that_is_no_utf_8_is_said(write: Write, run: Run, encoding: str) -> None:
    file, map_file = write("2026-08-19 09:30:00,24000,x", encoding=encoding)
    with pytest.raises(FileError, match=r"odd\.csv: not UTF-8 text; save the file as UTF-8"):
        run(file, map_name=str(map_file))


CANDLES = "  open: o\n  high: h\n  low: l\n  close: c\n  volume: v\n"


@pytest.fixture
def candles(tmp_path: Path) -> Write:
    """Write candles of one future, and a map that says how long they are."""

    def write(*rows: str, cadence: int) -> tuple[Path, Path]:
        file, map_file = tmp_path / "candles.csv", tmp_path / "candles.yaml"
        file.write_text("\n".join(["time,o,h,l,c,v", *rows]) + "\n")
        mapped = OF_FUTURE.format(rows="candles", cadence=cadence, time="time")
        map_file.write_text(mapped + CANDLES)
        return file, map_file

    return write


def test_candles_longer_than_their_distance_are_refused(candles: Write, run: Run) -> None:
    rows = [f"2026-08-19 09:{minute}:00,24000,24010,23990,24005,650" for minute in (15, 16, 18)]
    file, map_file = candles(*rows, cadence=120)
    with pytest.raises(FileError) as error:
        run(file, map_name=str(map_file))
    assert "1 row: a candle that begins before the one before it is over" in str(error.value)
    assert "(candles.csv:3)" in str(error.value)
    assert "check the map's cadence_s" in str(error.value)
    left = run(file, map_name=str(map_file), policies={"overlapping_candle": "skip"})
    assert left.made[0].day.rows == 2


def test_the_last_candle_of_a_day_ends_with_its_session(
    candles: Write, run: Run, ticks_of: Ticks
) -> None:
    # An hour from 15:15: the session ends at 15:40, and so does what the candle holds.
    file, map_file = candles("2026-08-19 15:15:00,24000,24010,23990,24005,650", cadence=3600)
    ticks = ticks_of(run(file, map_name=str(map_file)).made[0].path)
    opens = 1_787_132_700_000_000_000
    minutes = [(tick.received_at - opens) / 60e9 for tick in ticks]
    assert minutes[:3] == [0, 25 / 3, 50 / 3]
    assert ticks[3].received_at == opens + 25 * 60 * 10**9 - 10**6
    assert [tick.last for tick in ticks] == [24000, 23990, 24010, 24005]


def test_a_day_range_without_the_days_volume_is_refused(write: Write, run: Run) -> None:
    # A QUOTE packet cannot leave the volume out: 0 in it would be a day without a trade.
    file, map_file = write("2026-08-19 09:30:00,24000,24050")
    map_file.write_text(f"{map_file.read_text()}  day_high: for\n")
    with pytest.raises(FileError, match=r"no number where one is needed \(odd\.csv:2 volume\)"):
        run(file, map_name=str(map_file))


def test_a_blank_volume_beside_other_figures_of_the_day_is_no_zero(
    write: Write, run: Run, ticks_of: Ticks
) -> None:
    file, map_file = write("2026-08-19 09:30:00,24000,650", "2026-08-19 09:31:00,24001,")
    mapped = f'{map_file.read_text()}  volume: for\n  day_high: {{value: "24050"}}\n'
    map_file.write_text(mapped)
    with pytest.raises(FileError, match=r"1 row: no value.*\(odd\.csv:3 volume\)"):
        run(file, map_name=str(map_file))
    made = run(file, map_name=str(map_file), policies={"missing": "skip"}).made[0]
    assert [tick.volume for tick in ticks_of(made.path)] == [650]
