"""What an account holds beyond what we know of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import buy, sell
from engine.core.holdings import differences
from engine.model.order import Product
from engine.model.order_update import RemoteStatus
from engine.model.snapshot import PositionRow, Snapshot
from tests.engine.core.live_kernel import LiveKernel

R = RemoteStatus


def found(live: LiveKernel, units: int | None, *in_doubt: str) -> dict[str, int] | None:
    rows = (
        None
        if units is None
        else (PositionRow(instrument=live.call, product=Product.INTRADAY, quantity=units),)
    )
    snapshot = Snapshot(account="A1", source="t", asked_at=0, orders=(), positions=rows)
    units_by_key = differences(
        snapshot,
        live.kernel.desk.ledger,
        live.kernel.reconcile.foreign,
        [live.order(c) for c in in_doubt],
    )
    return None if units_by_key is None else {i.symbol: q for (i, _), q in units_by_key.items()}


def test_positions_that_were_not_asked_for_say_nothing() -> None:
    assert found(LiveKernel().ready(), None) is None


@given(ours=st.integers(0, 2), theirs=st.integers(0, 2), shown=st.integers(-3, 5))
def test_it_is_what_is_shown_less_ours_less_strangers(ours: int, theirs: int, shown: int) -> None:
    live = LiveKernel().ready()
    if ours:
        (order,) = live.enter(buy(live.call, ours))
        live.update(live.row(order, R.FILLED, ours * 65))
    if theirs:
        live.update(live.stranger("Z1", R.FILLED, theirs * 65, quantity=theirs * 65))
    beyond = (shown - ours - theirs) * 65
    assert found(live, shown * 65) == ({live.call.symbol: beyond} if beyond else {})


@pytest.mark.parametrize("sold", [False, True])
@pytest.mark.parametrize("lots", range(-3, 4))
def test_an_order_in_doubt_explains_its_own_side_up_to_its_quantity(sold: bool, lots: int) -> None:  # noqa: FBT001 - a parameter
    live = LiveKernel().ready()
    (order,) = live.enter((sell if sold else buy)(live.call, 2))
    live.lose(order)
    sign = -1 if sold else 1
    explained = 0 <= lots <= 2
    expected = {} if explained else {live.call.symbol: sign * lots * 65}
    assert found(live, sign * lots * 65, order) == expected


def test_another_product_is_another_position() -> None:
    live = LiveKernel().ready()
    live.update(live.stranger("Z1", R.FILLED, 65, product=Product.CARRYFORWARD))
    snapshot = Snapshot(
        account="A1", source="t", asked_at=0, orders=(),
        positions=(PositionRow(instrument=live.call, product=Product.INTRADAY, quantity=65),),
    )  # fmt: skip
    got = differences(snapshot, live.kernel.desk.ledger, live.kernel.reconcile.foreign, ())
    assert got == {
        (live.call, Product.INTRADAY): 65,
        (live.call, Product.CARRYFORWARD): -65,
    }
