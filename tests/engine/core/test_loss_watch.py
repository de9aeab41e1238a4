"""Limits on loss are watched as long as anybody holds anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.core.desk import Desk
from engine.core.loss_watch import LossWatch
from engine.core.timers import NEVER
from engine.core.trading_time import TradingTime
from engine.core.view import KernelView
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.model.order import Fill, Product
from engine.model.side import Side
from engine.ports import Breach, TradingState
from engine.rules.clock_time import NS_PER_S
from engine.rules.sessions import Sessions
from engine.testing import LIMITS, TRADING_DATE, nifty_chain
from risk.gate import Gate
from risk.limits import StrategyLimits


class Thorough(LossWatch):
    """Looks at everything, every time."""

    def is_quiet(self) -> bool:
        return False


class Watched:
    """A desk, a gate with a limit of Rs 1,000 for each of two strategies, and what was broken."""

    def __init__(self, kind: type[LossWatch] = LossWatch) -> None:
        catalogue = nifty_chain()
        sessions = Sessions()
        self.desk = Desk(catalogue, TradingTime(catalogue, sessions, TRADING_DATE), lambda: None)
        limits = {name: StrategyLimits(max_loss_inr=Decimal(1000)) for name in ("long", "short")}
        view = KernelView(self.desk, {}, {}, lambda *_: (TradingState.ACTIVE, ""), 0.0)
        self.breaches: list[Breach] = []
        gate = Gate(LIMITS, limits, sessions, TRADING_DATE)
        self.watch = kind(self.desk, gate, view, self.breaches.append)
        self.future: Instrument = next(i for i in catalogue if i.symbol.endswith("FUT"))

    def fill(self, strategy: str, side: Side, price: int = 100, quantity: int = 65) -> None:
        self.desk.ledger.apply(
            Fill(
                client_id="L",
                group_id=f"{strategy}.g.1",
                strategy=strategy,
                account="paper",
                instrument=self.future,
                side=side,
                product=Product.INTRADAY,
                quantity=quantity,
                price=Decimal(price),
                at=self.desk.now,
                filled_before=0,
            )
        )
        self.watch.wake()

    def print(self, last: float) -> None:
        """A price; looked at as the kernel would."""
        self.desk.now += NS_PER_S
        self.desk.book.ticks[self.future.index] = Tick(
            self.future, "test", last, self.desk.now, self.desk.now
        )
        if self.desk.now >= self.watch.next_at and not self.watch.is_quiet():
            self.watch.look()


@pytest.fixture
def watched() -> Iterator[Watched]:
    return Watched()


def test_it_rests_while_nothing_is_held(watched: Watched) -> None:
    assert watched.watch.next_at == NEVER
    watched.fill("long", Side.BUY)
    watched.print(100.0)
    assert watched.watch.next_at == watched.desk.now + NS_PER_S
    watched.fill("long", Side.SELL)
    watched.print(100.0)
    assert watched.watch.next_at == NEVER


def test_a_broken_limit_is_told_once(watched: Watched) -> None:
    watched.fill("long", Side.BUY)
    for last in (90.0, 84.0, 83.0):
        watched.print(last)
    assert [b.strategy for b in watched.breaches] == ["long"]
    assert watched.breaches[0].text == "daily loss: Rs -1,040, limit Rs -1,000"


def test_two_strategies_against_each_other_are_both_watched_though_the_account_is_flat(
    watched: Watched,
) -> None:
    watched.fill("long", Side.BUY)
    watched.fill("short", Side.SELL)
    for last in (100.0, 100.0, 84.0, 120.0):
        watched.print(last)
    assert not list(watched.desk.ledger.nets())
    assert [b.strategy for b in watched.breaches] == ["long", "short"]


def test_what_is_open_follows_every_fill(watched: Watched) -> None:
    ledger, ticks = watched.desk.ledger, watched.desk.book.ticks
    assert not ledger.holds_any()
    watched.print(110.0)
    for side, held, profit in (
        (Side.BUY, True, 650.0),
        (Side.BUY, True, 1300.0),
        (Side.SELL, True, 650.0),
        (Side.SELL, False, 0.0),
        (Side.SELL, True, -650.0),
    ):
        watched.fill("long", side)
        assert ledger.holds_any() is held
        assert ledger.unrealised_inr(ticks, "long") == pytest.approx(profit)
        assert ledger.unrealised_inr(ticks) == pytest.approx(profit)


@pytest.mark.parametrize("seed", range(20))
def test_quiet_looks_find_what_whole_looks_find(seed: int) -> None:
    quick, whole = Watched(), Watched(Thorough)
    dice = random.Random(seed)
    last, quiet = 100.0, 0
    for _ in range(400):
        act = dice.random()
        side, strategy = dice.choice(list(Side)), dice.choice(("long", "short"))
        scope = dice.choice(("all", "long", "short"))
        last = max(5.0, last + dice.choice((-4.0, -1.0, 0.0, 1.0, 4.0)))
        for watched in (quick, whole):
            if act < 0.05:
                watched.fill(strategy, side, round(last))
            elif act < 0.15:
                watched.watch.arm(scope)
            watched.print(last)
            watched.desk.look_at = watched.watch.next_at  # As the kernel notes it.
        quiet += quick.watch.is_quiet()
        assert quick.breaches == whole.breaches
        assert (quick.watch.next_at, quick.watch._told) == (whole.watch.next_at, whole.watch._told)
    assert quiet


def test_no_look_is_quiet_while_a_group_waits_for_prices(watched: Watched) -> None:
    watched.fill("long", Side.BUY)
    watched.print(100.0)
    watched.desk.look_at = watched.watch.next_at
    assert watched.watch.is_quiet()
    watched.desk.look_at = 0
    assert not watched.watch.is_quiet()


def test_no_look_is_quiet_before_a_limit_is_known_to_stand(watched: Watched) -> None:
    watched.fill("long", Side.BUY)
    watched.desk.look_at = watched.watch.next_at
    assert not watched.watch.is_quiet()
    watched.watch._gate.loss_limits = lambda _: []  # type: ignore[method-assign]
    watched.print(100.0)
    assert not watched.watch.is_quiet()
