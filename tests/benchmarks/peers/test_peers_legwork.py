from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers import day as days
from benchmarks.peers.legwork import recording, run
from benchmarks.peers.result import Asked
from benchmarks.peers.trading import expected


@pytest.mark.parametrize("books", [False, True])
def test_legwork_makes_the_orders_and_fills_that_should_be(tmp_path: Path, *, books: bool) -> None:
    day = days.make(12_000, 100, 1)
    path = tmp_path / "day.arrow"
    recording.write(day, path, books=books)
    done = run.load(Asked(day, books, path))()()
    orders, fills = expected(day, books=books)
    assert orders > 5
    assert (done.ticks, done.orders) == (12_000, orders)
    assert sorted(done.fills) == fills
