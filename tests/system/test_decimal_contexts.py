"""Whatever a strategy does to its thread's decimal context: the engine's figures stay the same."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from engine.model.codec import encode
from engine.model.record import OrderFilled, Record, SessionBooted
from tests.conftest import Project

# Sells three lots with limits, is asked to part with them slice by slice, and trades them back: odd
# shares of values and prices beyond three digits.
TRADING = """
    import decimal

    def spoil():
        {spoil}

    class One(Strategy[Params]):
        def __init__(self, *parts):
            super().__init__(*parts)
            spoil()

        def on_start(self):
            self.watch("NIFTY")
            self.watch(self.future("NIFTY"), depth=True)
            self.bars("NIFTY", "5s")
            self.every(7, self.look)
            self.at(time(9, 16, 10), self.go)
            self.at(time(9, 17, 30), self.leave)
            spoil()

        def go(self):
            spoil()
            call, put = self.chain("NIFTY").at_the_money()
            self.enter(sell(call, 3), sell(put, 2), name="pair")
            future = self.future("NIFTY")
            self.place(buy(future, 1, limit=self.last(future) + 10.03), name="future")

        def leave(self):
            spoil()
            self.exit("pair")
            self.exit("future")

        def look(self):
            spoil()
            for group in self.groups():
                for leg in group.legs:
                    held = self.position(leg.instrument)
                    self.log.info("held", price=held.average_price, mean=group.average_price(leg.instrument))
                if group.payoff is not None and len(group.payoff.parts) == 1:
                    self.log.info("earns", most=str(group.payoff.at(24310.55)))

        def on_tick(self, tick):
            spoil()

        def on_depth(self, depth):
            spoil()

        def on_bar(self, bar):
            spoil()

        def on_order(self, order):
            self.log.info("order", average=order.average_price)
            spoil()

        def on_legs(self, group):
            spoil()

        def on_stop(self):
            spoil()
"""
SPOILS = {
    "three digits": "decimal.getcontext().prec = 3",
    "another context": "decimal.setcontext(decimal.Context(prec=2))",
    "rounding up": "c = decimal.getcontext(); c.prec = 6; c.rounding = decimal.ROUND_UP",
    "traps": "c = decimal.getcontext(); c.traps[decimal.Inexact] = c.traps[decimal.Rounded] = True",
    "no traps": "decimal.getcontext().clear_traps()",
    "another look": "decimal.getcontext().capitals = 0",
    "the defaults": "decimal.DefaultContext.prec = 3; decimal.setcontext(decimal.Context())",
}


def _run(project: Any, morning: Path, spoil: str) -> tuple[list[Record], list[str], list[str]]:
    """Return what was journaled but for the first record, the figures and what was said."""
    # In a process of its own: the defaults are those of every thread there is.
    project.write(textwrap.dedent(TRADING).replace("{spoil}", spoil), tape=morning)
    ended = project.engine("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    verified = project.engine("replay", "--verify")
    assert (verified.code, verified.err) == (0, "")
    booted, *records = project.records(object)
    assert isinstance(booted, SessionBooted)
    said = [line for line in ended.out.splitlines() if " one: " in line]
    figures = [line for line in ended.out.splitlines() if line.startswith(("one ", "total"))]
    # The charges are computed anew from what was kept, and so are positions.
    told = project.cli("positions", "--json")
    return records, [*figures, told.out], said


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, morning: Path) -> Any:
    """What comes of the same strategy when it leaves the context alone."""
    return _run(Project(tmp_path_factory.mktemp("untouched")), morning, "pass")


def test_it_trades_enough_to_be_told_apart(untouched: Any) -> None:
    records, figures, said = untouched
    fills = [record.fill for record in records if isinstance(record, OrderFilled)]
    assert len(fills) >= 6
    assert any(len(fill.value.as_tuple().digits) > 6 for fill in fills)
    assert len(figures) == 3
    assert any("average=" in line for line in said)
    assert any("earns" in line for line in said)


@pytest.mark.parametrize("what", list(SPOILS))
def test_a_strategys_decimal_context_is_not_the_engines(
    project: Any, morning: Path, untouched: Any, what: str
) -> None:
    records, figures, said = _run(project, morning, SPOILS[what])
    # As it is written: 1E-8 and 1e-8 are equal, and two lines.
    assert [encode(record) for record in records] == [encode(record) for record in untouched[0]]
    assert figures == untouched[1]
    assert said == untouched[2]
