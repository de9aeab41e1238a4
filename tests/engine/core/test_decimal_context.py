"""Hooks run in a decimal context of their own: nothing of it stays for the engine or for another."""

from __future__ import annotations

import decimal
from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from engine import Params, Strategy, buy
from engine.testing import StrategyHarness


class Spoiling(Strategy[Params]):
    """Buys a future; leaves another context than it found in every hook, and notes what it found."""

    def on_start(self) -> None:
        self.found: dict[str, list[tuple[int, bool]]] = {}
        self.watch(self.future("NIFTY"), depth=True)
        self.bars("NIFTY", "1m")
        self.at(time(9, 16, 30), self.go)
        self._spoil("on_start")

    def go(self) -> None:
        self._spoil("go")
        self.enter(buy(self.future("NIFTY")), name="long")
        assert decimal.getcontext().prec == 3
        self.background(self.work(), self.done)

    async def work(self) -> int:
        self._spoil("work")
        return 1

    def done(self, _: int) -> None:
        self._spoil("done")

    def on_tick(self, _: Any) -> None:
        self._spoil("on_tick")

    def on_depth(self, _: Any) -> None:
        self._spoil("on_depth")

    def on_bar(self, _: Any) -> None:
        self._spoil("on_bar")

    def on_order(self, _: Any) -> None:
        self._spoil("on_order")

    def on_legs(self, _: Any) -> None:
        self._spoil("on_legs")

    def on_stop(self) -> None:
        self._spoil("on_stop")

    def _spoil(self, hook: str) -> None:
        context = decimal.getcontext()
        found = (context.prec, context.traps[decimal.FloatOperation])
        self.found.setdefault(hook, []).append(found)
        context.prec = 3
        context.traps[decimal.FloatOperation] = False


@pytest.fixture
def harness() -> StrategyHarness:
    harness = StrategyHarness(Spoiling)
    harness.spot(24_312.35)
    harness.advance("09:17:10")
    harness.stop()
    return harness


def test_every_hook_begins_with_the_engines_context(harness: StrategyHarness) -> None:
    found = harness.strategy.found
    hooks = {"go", "work", "done", "on_depth", "on_bar", "on_order", "on_legs", "on_stop"}
    assert hooks <= found.keys()
    for hook in ("on_start", *sorted(hooks)):
        assert set(found[hook]) == {(28, True)}, hook
    # What a bare tick leaves behind stays until the engine calculates: between ticks nothing is set.
    assert (3, False) in found["on_tick"]


def test_positions_are_exact_though_a_hook_asks_for_them_first(harness: StrategyHarness) -> None:
    (order,) = harness.orders
    with decimal.localcontext(prec=3):
        held = harness.strategy.position(order.instrument)
        mean = order.average_price
        group = harness.group("long").average_price(order.instrument)
    assert held.average_price == mean
    assert group == float(held.average_price)
    assert len(held.average_price.normalize().as_tuple().digits) > 3
    assert held.average_price * held.quantity == order.filled_value


def test_a_harness_leaves_the_context_of_the_test_alone() -> None:
    with decimal.localcontext(prec=6) as mine:
        harness = StrategyHarness(Spoiling)
        harness.spot(24_312.0)
        harness.advance("09:15:40")
        assert decimal.getcontext() is mine
        assert (mine.prec, Decimal(1) / 3) == (6, Decimal("0.333333"))
