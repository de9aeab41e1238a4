"""What the simulation itself calls barred: an oracle that lets everything by proves nothing."""

from __future__ import annotations

import msgspec
import pytest

from engine.model.event import KillMode
from engine.model.order import ChildKey, Lifecycle, Order, Purpose
from engine.model.record import HumanActed, KillRecorded
from tests.engine.model.test_order_state import order_in
from tests.simulation.broker import Row
from tests.simulation.decrees import Decrees, left_to_flatten

KILL, STARTED = 5, 9


def order_for(purpose: Purpose) -> Order:
    order = order_in(Lifecycle.SENDING)
    return msgspec.structs.replace(
        order, request=msgspec.structs.replace(order.request, purpose=purpose)
    )


def after(mode: KillMode, scope: str = "all") -> Decrees:
    return Decrees([(KILL, KillRecorded(0, 1, scope, mode, "asha", "enough"))])


@pytest.mark.parametrize("mode", KillMode)
@pytest.mark.parametrize("purpose", [p for p in Purpose if p is not Purpose.FLATTEN])
def test_nothing_but_flattening_leaves_after_a_kill(mode: KillMode, purpose: Purpose) -> None:
    assert after(mode).barring(order_for(purpose), STARTED, KILL) is not None


@pytest.mark.parametrize("mode", KillMode)
def test_flattening_leaves_where_a_kill_wanted_it(mode: KillMode) -> None:
    barring = after(mode).barring(order_for(Purpose.FLATTEN), STARTED, KILL)
    assert (barring is None) is (mode is KillMode.FLATTEN)


def test_a_kill_bars_once_it_is_durable() -> None:
    assert after(KillMode.BLOCK_NEW).barring(order_for(Purpose.ENTRY), STARTED, KILL - 1) is None


def test_a_kill_bars_its_own_scope() -> None:
    order = order_for(Purpose.ENTRY)
    for scope in (f"account:{order.account}", order.strategy):
        assert after(KillMode.BLOCK_NEW, scope).barring(order, STARTED, KILL) is not None
    assert after(KillMode.BLOCK_NEW, "account:another").barring(order, STARTED, KILL) is None


def test_arming_lifts_the_kills_of_its_scope() -> None:
    decrees, order = after(KillMode.CANCEL_ALL), order_for(Purpose.ENTRY)
    decrees.note(HumanActed(0, 2, "arm", "another", "asha", "why"), 6)
    assert decrees.barring(order, STARTED, KILL) is not None
    decrees.note(HumanActed(0, 3, "arm", "all", "asha", "why"), 7)
    assert decrees.barring(order, STARTED, KILL) is None


ENTRY, EXIT = ChildKey("s.g.1", 1, "A1", 0, 1), ChildKey("s.g.1", 1, "A1", 0, 1, exit=True)


def row(status: str, filled: int) -> Row:
    return Row("A00001", "A1", "T", "K", "BUY", 150, 10_000, "intraday", 1, status, filled)


def test_what_is_left_to_flatten_is_what_filled_less_what_exits_take_or_may_take() -> None:
    assert left_to_flatten(EXIT, []) == 0
    assert left_to_flatten(EXIT, [(ENTRY, row("OPEN", 75))]) == 75
    entered = (ENTRY, row("COMPLETE", 150))
    assert left_to_flatten(EXIT, [entered, (EXIT, row("CANCELLED", 75))]) == 75
    assert left_to_flatten(EXIT, [entered, (EXIT, row("OPEN", 75))]) == 0
    assert left_to_flatten(EXIT, [(ENTRY._replace(leg=2), row("COMPLETE", 150))]) == 0
