"""What a broken loss limit does to what is held: in its own scope, and nowhere else."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine import GroupState, buy
from engine.model.event import Armed
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import ROOMY, LiveKernel

R = RemoteStatus
LIMITS: Final = ROOMY.model_copy(update={"max_loss_inr": Decimal(1000)})


def two_accounts(live: LiveKernel) -> None:
    """Hold 65 calls in two accounts: A1 paid 100 for each, B1 only 20."""
    ours = {live.order(c).account: live.order(c) for c in live.enter(buy(live.call, 1))}
    live.update(live.row(ours["A1"], R.FILLED, 65, average_price=Decimal(100)))
    live.accept(ours["B1"].client_id, "Y1")
    live.update(live.row(ours["B1"], R.FILLED, 65, broker_id="Y1", average_price=Decimal(20)))


def prints(live: LiveKernel, price: float) -> None:
    """Let the call print at a price, twice, a second apart: it is looked at once a second."""
    live.prices[live.call] = price
    for _ in range(2):
        live.wait(1.0)
        live.tick()


def test_an_account_has_its_limit_whatever_another_one_earns() -> None:
    live = LiveKernel(accounts={"A1": 1, "B1": 1}, limits=LIMITS).ready()
    two_accounts(live)
    sent = len(live.placed)
    prints(live, 84.0)
    parts = live.group().parts
    assert {name: part.state for name, part in parts.items()} == {
        "A1": GroupState.EXITING,
        "B1": GroupState.HELD,
    }
    assert [live.order(c).account for c in live.placed[sent:]] == ["A1"]
    assert (live.state_of("A1"), live.state_of("B1")) == ("REDUCE_ONLY", "ACTIVE")
    assert any("account:A1: loss limit broken: daily loss: Rs -1,040" in t for t in live.alerts())


def held_at_a_loss() -> LiveKernel:
    """Hold 65 calls bought at 100 whose limit of Rs 1,000 was broken at 84, and armed at 83."""
    live = LiveKernel(limits=LIMITS, exits_on_max_loss=False).ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.FILLED, 65, average_price=Decimal(100)))
    prints(live, 84.0)
    assert live.state_of() == "REDUCE_ONLY"
    prints(live, 83.0)
    live.tell(Armed("all", "asha", "I hold it"))
    return live


def breaks(live: LiveKernel) -> int:
    return sum("loss limit broken" in text for text in live.alerts())


def test_arming_lasts_for_the_loss_it_was_given_for() -> None:
    live = held_at_a_loss()
    for price in (83.0, 82.0, 76.0, 83.0):
        prints(live, price)
    assert live.state_of() == "ACTIVE"
    assert breaks(live) == 1


def test_a_loss_half_the_limit_deeper_than_the_armed_one_breaks_it_again() -> None:
    live = held_at_a_loss()
    prints(live, 75.0)
    assert live.state_of() == "REDUCE_ONLY"
    assert breaks(live) == 2
    prints(live, 60.0)
    assert breaks(live) == 2


def test_a_limit_that_was_whole_again_since_is_broken_like_a_new_one() -> None:
    live = held_at_a_loss()
    for price in (90.0, 84.0):
        prints(live, price)
    assert live.state_of() == "REDUCE_ONLY"
    assert breaks(live) == 2


def test_arming_anew_for_another_reason_accepts_no_further_loss() -> None:
    live = held_at_a_loss()
    prints(live, 78.0)
    live.tell(Armed("all", "ravi", "a kill that is over"))
    prints(live, 75.0)
    assert live.state_of() == "REDUCE_ONLY"


def test_what_was_left_at_the_first_break_is_left_at_the_second() -> None:
    live = LiveKernel(limits=LIMITS).ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.FILLED, 65, average_price=Decimal(100)))
    prints(live, 84.0)
    (exit_,) = live.placed[1:]
    live.update(live.row(exit_, R.FILLED, 65, broker_id="X2", average_price=Decimal(90)))
    assert live.group().state is GroupState.CLOSED
    live.tell(Armed("all", "asha", "go on"))
    live.prices[live.call] = 90.0
    (again,) = live.enter(buy(live.call, 1), name="second")
    live.update(live.row(again, R.FILLED, 65, broker_id="X3", average_price=Decimal(90)))
    prints(live, 80.0)
    assert live.group("second").state is GroupState.EXITING
