"""What is held at the last prices: the compiled sum and the one in Python are the same bits."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.ledger import Held, mark
from engine.model.market import Tick
from engine.runtime.hot_path.twin import TWIN
from engine.testing import nifty_chain

if why := TWIN.why_not():
    pytest.skip(f"the compiled one is not here: {why}", allow_module_level=True)

from engine.runtime.hot_path import compiled

CATALOGUE = nifty_chain()
PRICES = st.none() | st.floats(allow_nan=True, allow_infinity=True)
UNITS = st.integers(-(10**7), 10**7)
COSTS = st.floats(-1e9, 1e9)


def ticks_of(prices: list[float | None]) -> list[Tick | None]:
    pairs = zip(CATALOGUE, prices, strict=False)
    return [None if p is None else Tick(i, "test", p, 1, 1) for i, p in pairs]


@given(st.lists(PRICES, min_size=3, max_size=8), st.data())
def test_both_say_the_same_to_the_bit(prices: list[float | None], data: st.DataObject) -> None:
    ticks = ticks_of(prices)
    lines = st.tuples(st.integers(0, len(ticks) - 1), UNITS, COSTS)
    held: list[Held] = data.draw(st.lists(lines, max_size=12))
    assert struct.pack("<d", compiled.mark(held, ticks)) == struct.pack("<d", mark(held, ticks))


def test_nothing_held_is_worth_nothing() -> None:
    assert compiled.mark([], []) == mark([], []) == 0.0


@pytest.mark.parametrize(
    ("held", "ticks", "error"),
    [
        ([(5, 1, 1.0)], [], IndexError),
        ([(-1, 1, 1.0)], [None], IndexError),
        ([(0, 1)], [None], TypeError),
        ([[0, 1, 1.0]], [None], TypeError),
        ([("0", 1, 1.0)], [None], TypeError),
        ([(0, "1", 1.0)], [None], TypeError),
        ([(0, 1, None)], [None], TypeError),
        ([(0, 1 << 2000, 1.0)], [None], OverflowError),
        ([(0, 1, 1.0)], [SimpleNamespace(last=1.0)], (TypeError, AttributeError)),
        ((), [], TypeError),
        ([], (), TypeError),
    ],
)
def test_what_cannot_be_read_is_an_error(held: Any, ticks: Any, error: Any) -> None:
    with pytest.raises(error):
        compiled.mark(held, ticks)


def test_a_last_price_that_is_none_is_an_error() -> None:
    (tick,) = ticks_of([1.0])
    odd = Tick(tick.instrument, "test", None, 1, 1)  # type: ignore[union-attr, arg-type]
    with pytest.raises(TypeError):
        compiled.mark([(0, 1, 1.0)], [odd])
    with pytest.raises(TypeError):
        compiled.mark([])  # type: ignore[call-arg]
