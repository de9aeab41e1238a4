"""Rows in any order come out in one, whatever the size of the runs; candles keep their own time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.market import Tick
from engine.rules.clock_time import clock_text
from engine.sessionlog.importing import sorting
from engine.sessionlog.importing.days import whole_times
from engine.sessionlog.importing.sorting import Sorter

SCHEMA = pa.schema({"at": pa.int64(), "place": pa.int32(), "order": pa.int64()})
KEYS = ("at", "place", "order")


def batch(rows: list[tuple[int, int, int]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


@given(
    parts=st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=12), max_size=8
    ),
    run_rows=st.integers(1, 20),
    batch_rows=st.integers(1, 6),
)
def test_the_merge_of_runs_is_the_sort_of_all_rows(
    parts: list[list[tuple[int, int]]], run_rows: int, batch_rows: int
) -> None:
    number = 0
    numbered = []
    for part in parts:
        rows = []
        for at, place in part:
            rows.append((at, place, number))
            number += 1
        numbered.append(rows)
    before, sorting.BATCH_ROWS = sorting.BATCH_ROWS, batch_rows  # type: ignore[misc]
    try:
        with tempfile.TemporaryDirectory() as folder:
            sorter = Sorter(Path(folder), SCHEMA, KEYS, run_rows=run_rows)
            for rows in numbered:
                sorter.add(batch(rows))
            batches = list(sorter.batches())
            assert not list(Path(folder).iterdir())
    finally:
        sorting.BATCH_ROWS = before  # type: ignore[misc]
    got = [tuple(row.values()) for found in batches for row in found.to_pylist()]
    assert got == sorted(row for rows in numbered for row in rows)
    whole = [set(found.column("at").to_pylist()) for found in whole_times(iter(batches))]
    assert sum(len(times) for times in whole) == len(set().union(*whole))


CANDLES = """\
title: candles
rows: candles
cadence_s: 300
timezone: Asia/Kolkata
candle_time: {label}
fields:
  time: t
  segment: {{value: nse_cm}}
  kind: {{value: index}}
  underlying: n
  open: o
  high: h
  low: l
  close: c
"""


@pytest.mark.parametrize(("label", "clock"), [("start", "09:15"), ("end", "09:20")])
def test_a_candle_is_of_its_interval_by_start_or_end_and_several_interleave_by_token(
    label: str,
    clock: str,
    tmp_path: Path,
    run: Callable[..., Any],
    ticks_of: Callable[[Path], list[Tick]],
) -> None:
    (tmp_path / "c.yaml").write_text(CANDLES.format(label=label))
    day = f"2026-08-19 {clock}"
    (tmp_path / "c.csv").write_text(
        f"t,n,o,h,l,c\n{day},NIFTY,100,110,90,105\n{day},BANKNIFTY,200,210,190,195\n"
    )
    result = run(tmp_path / "c.csv", map_name=str(tmp_path / "c.yaml"))
    ticks = ticks_of(result.made[0].path)
    assert [(clock_text(t.received_at), t.instrument.underlying, t.last) for t in ticks] == [
        ("09:15:00.000", "NIFTY", 100.0),
        ("09:15:00.000", "BANKNIFTY", 200.0),
        ("09:16:40.000", "NIFTY", 90.0),
        ("09:16:40.000", "BANKNIFTY", 210.0),
        ("09:18:20.000", "NIFTY", 110.0),
        ("09:18:20.000", "BANKNIFTY", 190.0),
        ("09:19:59.999", "NIFTY", 105.0),
        ("09:19:59.999", "BANKNIFTY", 195.0),
    ]
