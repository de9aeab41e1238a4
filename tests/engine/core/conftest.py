"""A stage for groups: a strategy that does what a test tells it, on the real kernel and exchange."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from brokers.paper.config import PaperConfig
from brokers.paper.faults import Fault
from engine import Instrument, Params, Strategy, Tick
from engine.model.effect import Say
from engine.model.event import Event, KillMode, KillTripped, OrderUpdated
from engine.model.order import Order
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.testing import StrategyHarness
from risk.limits import AccountLimits

ROOMY = AccountLimits(
    max_loss_inr=10_000_000,
    max_order_value_inr={"premium": 100_000_000},
    max_order_lots=100,
    max_position_lots=100,
    max_uncovered_short_lots=200,
    max_rejections=50,
)


class Puppet(Strategy[Params]):
    """Watches the index, asks for what the test asks, and writes down what it was told."""

    def on_start(self) -> None:
        self.told: list[str] = []
        self.ticks: list[Tick] = []
        self.when_told: Callable[[Any], None] = lambda _: None
        self.watch("NIFTY")

    def on_tick(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def on_legs(self, group: Any) -> None:
        self.told.append(f"{group.name}: {group.state}")
        self.when_told(group)


class Stage(StrategyHarness):
    """The harness with the puppet on it, 09:20, the index at 24,312."""

    strategy: Puppet

    def __init__(self, *faults: dict[str, Any], latency_ms: float = 0, **kwargs: Any) -> None:
        paper = PaperConfig(
            latency_ms=latency_ms,
            reply_latency_ms=latency_ms,
            reply_timeout_s=kwargs.pop("reply_timeout_s", 10),
            faults=tuple(Fault.model_validate(fault) for fault in faults),
        )
        kwargs.setdefault("limits", ROOMY)
        super().__init__(Puppet, paper=paper, **kwargs)
        self.spot(24_312.0)
        self.advance("09:20:00")
        self.call = self.option(24_300, "CE")
        self.put = self.option(24_300, "PE")
        self.far_call = self.option(24_500, "CE")
        self.far_put = self.option(24_100, "PE")

    def ask(self, what: Callable[[Puppet], Any]) -> None:
        """Run something as if it stood in a hook of the strategy."""
        self.call_hook(lambda: what(self.strategy))

    def enter(self, *legs: Any, name: str = "group", **options: Any) -> None:
        self.ask(lambda s: s.enter(*legs, name=name, **options))

    def tell(self, event: Event) -> None:
        """Let something happen to the engine, now."""
        self._runner.dispatch(event, self._now)
        self._settle()

    def report(self, order: Order, status: RemoteStatus, **what: Any) -> None:
        """Let the broker say something about an order."""
        if "filled_quantity" in what:
            what.setdefault("average_price", Decimal(100))
        self.tell(
            OrderUpdated(
                OrderUpdate(
                    account=order.account,
                    source="paper",
                    status=status,
                    client_id=order.client_id,
                    **what,
                )
            )
        )

    def kill(self, mode: KillMode, scope: str = "all") -> None:
        self.tell(KillTripped(scope, mode, "a person", "a drill"))

    def sent(self) -> list[str]:
        """What was sent, in words: side, lots and symbol, and how it ended."""
        return [_words(order) for order in self.orders]

    def alerts(self) -> list[Say]:
        return [line for line in self.said if line.level == "critical"]

    def nets(self) -> dict[Instrument, int]:
        return dict(self._kernel.desk.ledger.nets(None))

    @property
    def parts(self) -> dict[str, Any]:
        return self.group("group").parts


def _words(order: Order) -> str:
    lots = order.request.quantity // order.instrument.lot_size
    strike, right = order.instrument.strike, order.instrument.right
    what = f"{strike} {right}" if right else order.instrument.kind
    return f"{order.request.purpose} {order.side} {lots} {what} {order.lifecycle}"


@pytest.fixture(scope="session")
def stage() -> type[Stage]:
    return Stage
