from __future__ import annotations

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.ledger import Ledger
from engine.core.merge import merge
from engine.model.amend_state import AmendTrigger
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.command import Replacement
from engine.model.instrument import Kind, Segment
from engine.model.order import (
    Amend,
    AmendKind,
    AmendState,
    ChildKey,
    Fill,
    Lifecycle,
    Order,
    OrderRequest,
    OrderType,
    Product,
    Purpose,
)
from engine.model.order_state import Trigger, advance, amend_step, want_cancel, want_replace
from engine.model.order_update import AmendOutcome, OrderUpdate, RemoteStatus
from engine.model.side import Side
from engine.model.verdict import Anomaly, Evidence, Verdict

L, R, V = Lifecycle, RemoteStatus, Verdict

SHARE = Catalogue().intern(
    InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
)
REQUEST = OrderRequest(
    client_id="LW0AA000001XYZ",
    key=ChildKey("s.g.1", 1, "paper", 0, 1),
    strategy="s",
    instrument=SHARE,
    side=Side.SELL,
    quantity=150,
    order_type=OrderType.LIMIT,
    price=Decimal(100),
    trigger_price=None,
    product=Product.INTRADAY,
    purpose=Purpose.ENTRY,
    decision_price=100.0,
    created_at=1,
    expires_at=10,
)


def order_in(lifecycle: Lifecycle, **fields: object) -> Order:
    return msgspec.structs.replace(Order.of(REQUEST), lifecycle=lifecycle, **fields)


def said(
    status: RemoteStatus,
    filled: int | None = None,
    average: str | Decimal | None = None,
    **more: object,
) -> OrderUpdate:
    fields: dict[str, object] = {
        "account": "paper",
        "source": "t",
        "client_id": REQUEST.client_id,
        "broker_id": "B1",
        "filled_quantity": filled,
        "average_price": None if average is None else Decimal(average),
    }
    return OrderUpdate(status=status, **(fields | more))  # type: ignore[arg-type]


def fold(order: Order, updates: list[OrderUpdate]) -> tuple[Order, list[Fill]]:
    fills = []
    for at, update in enumerate(updates, start=2):
        result = merge(order, update, at)
        order = result.order
        if result.fill is not None:
            fills.append(result.fill)
    return order, fills


def essence(order: Order) -> tuple[Lifecycle, int, Decimal]:
    return order.lifecycle, order.filled_quantity, order.filled_value


# -- any order of arrival -------------------------------------------------------------------------

SCENARIOS = {
    "a part fills and the rest is cancelled": (
        [said(R.OPEN, 0), said(R.OPEN, 75, "101"), said(R.CANCELLED, 75, "101")],
        (L.CANCELLED, 75, Decimal(7575)),
    ),
    "a fill passes the cancel": (
        [said(R.OPEN, 0), said(R.CANCELLED, 0), said(R.FILLED, 150, "100.5")],
        (L.FILLED, 150, Decimal(15075)),
    ),
    "a late reject": (
        [said(R.PENDING, 0), said(R.OPEN, 0), said(R.REJECTED, 0, reason="margin")],
        (L.REJECTED, 0, Decimal(0)),
    ),
    "a stop is rejected at its trigger": (
        [said(R.PENDING, 0), said(R.TRIGGER_PENDING, 0), said(R.REJECTED, 0)],
        (L.REJECTED, 0, Decimal(0)),
    ),
    "the broker's risk desk cancels and calls it rejected": (
        [said(R.OPEN, 0), said(R.OPEN, 75, "101"), said(R.REJECTED, 75, "101")],
        (L.CANCELLED, 75, Decimal(7575)),
    ),
    "more fills than was asked": (
        [said(R.OPEN, 75, "100"), said(R.FILLED, 150, "100"), said(R.FILLED, 225, "102")],
        (L.FILLED, 225, Decimal(22950)),
    ),
    "it fills in two parts": (
        [said(R.OPEN, 0), said(R.OPEN, 50, "100"), said(R.FILLED, 150, "102.3333")],
        (L.FILLED, 150, Decimal("15349.9950")),
    ),
}


@pytest.mark.parametrize("start", [L.SENDING, L.IN_DOUBT, L.ACKED, L.QUARANTINED])
@pytest.mark.parametrize("name", SCENARIOS)
def test_arrival_order_and_duplicates_change_nothing(name: str, start: Lifecycle) -> None:
    updates, expected = SCENARIOS[name]
    histories = {
        permutation
        for pair in itertools.combinations(range(3), 2)
        for permutation in itertools.permutations([0, 1, 2, *pair])
    }
    assert len(histories) == 90
    for history in sorted(histories):
        order, fills = fold(order_in(start), [updates[i] for i in history])
        assert essence(order) == expected, history
        assert sum(f.quantity for f in fills) == order.filled_quantity
        assert sum((f.value for f in fills), Decimal(0)) == order.filled_value


def versioned(history: list[OrderUpdate]) -> list[OrderUpdate]:
    return [msgspec.structs.replace(u, version=v) for v, u in enumerate(history, start=1)]


PARTS = st.lists(st.tuples(st.integers(1, 149), st.decimals("0.05", "5000", places=2)), max_size=4)
ENDS = st.sampled_from([None, R.CANCELLED, R.REJECTED, R.EXPIRED, R.FILLED])


@st.composite
def truthful_histories(draw: st.DrawFn) -> list[OrderUpdate]:
    """What one order's broker would say, in the order in which it happened."""
    history = []
    statuses = draw(st.lists(st.sampled_from([R.PENDING, R.TRIGGER_PENDING]), max_size=2))
    history += [said(status, 0) for status in sorted(statuses)]
    if draw(st.booleans()):
        history.append(said(R.OPEN, 0))
    filled, value = 0, Decimal(0)
    for wanted, price in draw(PARTS):
        units = min(wanted, 149 - filled)
        if not units:
            break
        filled, value = filled + units, value + price * units
        shown = draw(st.sampled_from([R.OPEN, R.PENDING, R.NONE, R.UNRECOGNISED]))
        history.append(said(shown, filled, value / filled))
    end = draw(ENDS)
    if end is R.FILLED:
        value += (150 - filled) * 100
        filled = 150
    if end is not None:
        is_told = end is R.FILLED or draw(st.booleans())
        history.append(
            said(end, filled, value / filled if filled else None) if is_told else said(end)
        )
    return history


@given(
    truthful_histories(),
    st.booleans(),
    st.sampled_from([L.SENDING, L.IN_DOUBT, L.ACKED, L.QUARANTINED]),
    st.data(),
)
def test_any_truthful_history_gives_one_result_in_any_order(
    history: list[OrderUpdate],
    has_versions: bool,  # noqa: FBT001 - hypothesis passes by position
    start: Lifecycle,
    data: st.DataObject,
) -> None:
    if has_versions:
        history = versioned(history)
    told, _ = fold(order_in(start), history)
    doubled = history + data.draw(
        st.lists(st.sampled_from(history), max_size=4) if history else st.just([])
    )
    shuffled = data.draw(st.permutations(doubled))
    order, fills = fold(order_in(start), shuffled)
    assert essence(order) == essence(told)
    assert sum(f.quantity for f in fills) == order.filled_quantity
    assert sum((f.value for f in fills), Decimal(0)) == order.filled_value
    assert all(f.quantity > 0 for f in fills)


@given(
    st.lists(
        st.sampled_from([R.PENDING, R.OPEN, R.TRIGGER_PENDING, R.NONE]), min_size=1, max_size=6
    ),
    st.data(),
)
def test_versions_decide_what_an_unfilled_order_is_waiting_for(
    statuses: list[RemoteStatus], data: st.DataObject
) -> None:
    history = versioned([said(status, 0) for status in statuses])
    told, _ = fold(order_in(L.ACKED), history)
    order, _ = fold(order_in(L.ACKED), data.draw(st.permutations(history * 2)))
    assert essence(order) == essence(told)
    assert (order.version, order.status_version) == (told.version, told.status_version)


@given(truthful_histories(), st.booleans())
def test_the_same_update_twice_is_the_same_as_once(
    history: list[OrderUpdate],
    has_versions: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    order = order_in(L.ACKED)
    for at, update in enumerate(versioned(history) if has_versions else history, start=2):
        order = merge(order, update, at).order
        again = merge(order, update, at + 100)
        assert again.order is order
        assert again.fill is None
        assert again.anomalies == ()


STATUSES = st.sampled_from(RemoteStatus)
LIES = st.builds(
    said,
    STATUSES,
    st.one_of(st.none(), st.integers(-5, 400)),
    st.one_of(st.none(), st.decimals("-1", "200", places=2), st.just(Decimal("NaN"))),
    quantity=st.one_of(st.none(), st.integers(-5, 300)),
    price=st.one_of(st.none(), st.decimals("0", "200", places=2)),
    version=st.one_of(st.none(), st.integers(0, 5)),
    amend_outcome=st.one_of(st.none(), st.sampled_from(AmendOutcome)),
    broker_id=st.sampled_from([None, "B1", "B2"]),
    exchange_id=st.sampled_from([None, "0", "E1", "E2"]),
)


@given(
    st.sampled_from(Lifecycle),
    st.lists(st.tuples(LIES, st.sampled_from(Evidence), st.booleans()), max_size=15),
)
def test_no_lie_breaks_an_order(
    start: Lifecycle, told: list[tuple[OrderUpdate, Evidence, bool]]
) -> None:
    order, ledger = order_in(start), Ledger()
    for at, (update, evidence, wants) in enumerate(told, start=2):
        before = order
        result = merge(order, update, at, evidence)
        order = result.order
        assert order.filled_quantity >= before.filled_quantity
        assert set(result.anomalies) <= set(order.anomalies) or result.order is before
        if result.fill is not None:
            ledger.apply(result.fill)
        if order.lifecycle is L.FILLED:
            assert order.filled_quantity >= order.quantity or before.lifecycle is L.FILLED
        if 0 < order.filled_quantity < order.quantity and order.lifecycle is not L.FILLED:
            assert order.lifecycle in {L.OPEN, L.CANCELLED, L.EXPIRED, L.QUARANTINED}
        if order.overfill and (order.amend is None or not order.amend.may_replace):
            assert Anomaly.OVERFILL in order.anomalies
        if wants and order.generation < 3:
            order = want_replace(order, replacement(order), at).order
            if order.amend is not None and order.amend.state is AmendState.WANTED:
                order = amend_step(order, AmendTrigger.SENT, at).order
    assert ledger.net(SHARE) == -order.filled_quantity
    sold = ledger.by_strategy("s", SHARE).sold_value_inr
    assert sold == order.filled_value


def replacement(order: Order, quantity: int = 150, price: str = "101") -> Replacement:
    return Replacement(
        client_id=order.client_id,
        generation=order.generation + 1,
        quantity=quantity,
        price=Decimal(price),
        trigger_price=None,
        purpose=Purpose.ENTRY,
    )


# -- whose order it is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "anomaly", "verdict"),
    [
        (L.INTENT, Anomaly.SEEN_BEFORE_SENT, V.ANOMALY),
        (L.APPROVED, Anomaly.TAG_VIOLATED, V.ORPHAN),
        (L.DENIED, Anomaly.TAG_VIOLATED, V.ORPHAN),
    ],
)
@pytest.mark.parametrize("status", RemoteStatus)
def test_an_order_that_was_never_sent_is_not_touched(
    state: Lifecycle, anomaly: Anomaly, verdict: Verdict, status: RemoteStatus
) -> None:
    order = order_in(state)
    result = merge(order, said(status, 75, "100"), 5)
    assert (result.order, result.fill) == (order, None)
    assert (result.verdict, result.anomalies) == (verdict, (anomaly,))


@pytest.mark.parametrize("stranger", [{"account": "other"}, {"client_id": "LW0AA000002XYZ"}])
def test_an_update_of_another_order_is_not_merged(stranger: dict[str, object]) -> None:
    order = order_in(L.OPEN)
    result = merge(order, said(R.FILLED, 150, "100", **stranger), 5)
    assert result.order is order
    assert (result.verdict, result.anomalies) == (V.ORPHAN, (Anomaly.IDENTITY_MISMATCH,))


def test_a_second_broker_id_is_not_merged() -> None:
    order = order_in(L.OPEN, broker_id="B0")
    result = merge(order, said(R.FILLED, 150, "100"), 5)
    assert result.order is order
    assert result.anomalies == (Anomaly.BROKER_ID_CONFLICT,)


def test_a_real_exchange_id_never_reverts_to_nothing() -> None:
    order, _ = fold(
        order_in(L.ACKED),
        [said(R.OPEN, 0, exchange_id=e) for e in ("0", "1100000012", "0", "", None)],
    )
    assert order.exchange_id == "1100000012"
    assert not order.anomalies
    order, _ = fold(order, [said(R.OPEN, 0, exchange_id="999")])
    assert order.exchange_id == "1100000012"
    assert order.anomalies == (Anomaly.EXCHANGE_ID_CONFLICT,)


# -- quantities -----------------------------------------------------------------------------------


def test_fills_are_the_growth_of_the_quantity_at_the_price_of_the_growth() -> None:
    _, fills = fold(order_in(L.OPEN), [said(R.OPEN, 50, "100"), said(R.FILLED, 150, "100.8")])
    assert [(f.quantity, f.price, f.filled_before) for f in fills] == [
        (50, Decimal(100), 0),
        (100, Decimal("101.2"), 50),
    ]
    assert all(f.exact_value is None for f in fills)
    assert fills[0].client_id == REQUEST.client_id
    assert (fills[0].group_id, fills[0].strategy, fills[0].account) == ("s.g.1", "s", "paper")


def test_what_a_price_cannot_say_its_value_does() -> None:
    order, fills = fold(order_in(L.OPEN), [said(R.OPEN, 50, "100"), said(R.OPEN, 53, "100.02")])
    assert fills[1].price == Decimal("100.35333333")
    assert fills[1].value == Decimal("301.06")
    assert order.filled_value == Decimal("5301.06") == fills[0].value + fills[1].value


def test_a_price_without_a_quantity_is_not_a_fill() -> None:
    result = merge(order_in(L.ACKED), said(R.OPEN, 0, "1.1"), 5)
    assert result.fill is None
    assert result.order.filled_quantity == 0


def test_quantity_outweighs_the_status_word() -> None:
    for word in RemoteStatus:
        result = merge(order_in(L.OPEN), said(word, 150, "100"), 5)
        assert result.order.lifecycle is L.FILLED, word


@pytest.mark.parametrize("word", [R.REJECTED, R.CANCELLED, R.EXPIRED, R.OPEN])
def test_a_wrong_word_on_a_whole_fill_is_no_news_the_second_time(word: RemoteStatus) -> None:
    once = merge(order_in(L.OPEN), said(word, 150, "100", version=1), 5).order
    again = merge(once, said(word, 150, "100", version=2), 6)
    assert (again.order.lifecycle, again.order.anomalies) == (L.FILLED, ())
    assert (again.verdict, again.fill) == (V.STAY, None)


@pytest.mark.parametrize("filled", [0, 75, None])
def test_filled_in_words_only_is_an_anomaly(filled: int | None) -> None:
    result = merge(order_in(L.OPEN), said(R.FILLED, filled, "100"), 5)
    assert result.order.lifecycle is L.OPEN
    assert Anomaly.FILLED_BUT_SHORT in result.anomalies


def test_a_lower_quantity_keeps_the_higher_one() -> None:
    order = order_in(L.OPEN, filled_quantity=75, filled_value=Decimal(7500), version=3)
    fallen = merge(order, said(R.OPEN, 50, "100"), 5)
    assert fallen.order.filled_quantity == 75
    assert (fallen.verdict, fallen.anomalies) == (V.ANOMALY, (Anomaly.QUANTITY_FELL,))
    stale = merge(order, said(R.OPEN, 50, "100", version=2), 5)
    assert stale.order.anomalies == ()


def test_more_than_was_asked_is_accepted_and_flagged() -> None:
    result = merge(order_in(L.OPEN), said(R.FILLED, 225, "100"), 5)
    assert (result.order.lifecycle, result.order.overfill) == (L.FILLED, 75)
    assert result.fill is not None
    assert result.fill.quantity == 225
    assert result.anomalies == (Anomaly.OVERFILL,)


def test_a_fill_after_the_end_counts_and_says_it_was_late() -> None:
    order = order_in(L.CANCELLED)
    more = merge(order, said(R.CANCELLED, 75, "100"), 5)
    assert (more.order.lifecycle, more.order.is_late, more.verdict) == (L.CANCELLED, True, V.LATE)
    full = merge(order, said(R.FILLED, 150, "100"), 5)
    assert (full.order.lifecycle, full.order.is_late) == (L.FILLED, True)
    assert full.anomalies == (Anomaly.FILLED_AFTER_END,)


def test_an_order_proven_absent_that_shows_up_is_resurrected() -> None:
    result = merge(order_in(L.NOT_PLACED), said(R.OPEN, 75, "100"), 5)
    assert (result.order.lifecycle, result.verdict) == (L.OPEN, V.RESURRECT)
    assert result.fill is not None
    ended = merge(order_in(L.NOT_PLACED), said(R.CANCELLED, 0), 5)
    assert (ended.order.lifecycle, ended.verdict) == (L.CANCELLED, V.LATE)


def test_a_fill_without_a_price_is_valued_at_the_limit_until_the_price_is_told() -> None:
    first = merge(order_in(L.OPEN), said(R.OPEN, 75), 5)
    assert first.fill is not None
    assert first.fill.price == Decimal(100)
    assert first.anomalies == (Anomaly.PRICE_UNCERTAIN,)
    told = merge(first.order, said(R.OPEN, 75, "101"), 6)
    assert told.fill is not None
    assert (told.fill.quantity, told.fill.value) == (0, Decimal(75))
    assert told.order.filled_value == Decimal(7575)
    assert Anomaly.PRICE_UNCERTAIN not in told.order.anomalies
    assert merge(told.order, said(R.OPEN, 75, "101"), 7).fill is None


def test_a_price_told_with_the_next_fill_puts_the_value_right() -> None:
    order, fills = fold(order_in(L.OPEN), [said(R.OPEN, 75, "0"), said(R.FILLED, 150, "99")])
    assert order.filled_value == Decimal(14850)
    assert [f.value for f in fills] == [Decimal(7500), Decimal(7350)]
    assert Anomaly.PRICE_UNCERTAIN not in order.anomalies


def test_an_estimate_that_was_far_too_high_is_taken_back() -> None:
    order, fills = fold(order_in(L.OPEN), [said(R.OPEN, 149), said(R.FILLED, 150, "1")])
    assert order.filled_value == Decimal(150)
    assert sum((f.value for f in fills), Decimal(0)) == Decimal(150)


# -- status ---------------------------------------------------------------------------------------


def test_an_unknown_word_keeps_the_state_and_is_flagged() -> None:
    result = merge(order_in(L.PENDING_NEW), said(R.UNRECOGNISED, raw_status="OMS XYZ"), 5)
    assert result.order.lifecycle is L.PENDING_NEW
    assert result.anomalies == (Anomaly.UNKNOWN_STATUS,)
    assert "OMS XYZ" in result.note


def test_an_older_version_does_not_move_the_state() -> None:
    order, _ = fold(order_in(L.ACKED), [said(R.OPEN, 0, version=5)])
    result = merge(order, said(R.CANCELLED, 0, version=4), 9)
    assert (result.order, result.verdict) == (order, V.STALE)


def test_a_rejection_held_on_the_stream_is_settled_by_a_snapshot() -> None:
    order = want_cancel(order_in(L.OPEN, broker_id="B1"), 5, "kill").order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    held = merge(order, said(R.REJECTED, 0), 7)
    assert (held.order.lifecycle, held.verdict) == (L.OPEN, V.HELD)
    assert held.anomalies == (Anomaly.REJECT_HELD,)
    assert (
        merge(held.order, said(R.REJECTED, 0), 8, Evidence.SNAPSHOT).order.lifecycle is L.REJECTED
    )
    assert merge(held.order, said(R.OPEN, 0), 8, Evidence.SNAPSHOT).order.lifecycle is L.OPEN


def test_reinstatement_needs_two_snapshots_that_agree() -> None:
    order = order_in(L.CANCELLED)
    assert merge(order, said(R.OPEN, 0), 5, Evidence.SNAPSHOT).order.lifecycle is L.CANCELLED
    result = merge(order, said(R.OPEN, 0), 5, Evidence.AGREED)
    assert (result.order.lifecycle, result.anomalies) == (L.OPEN, (Anomaly.REINSTATED,))


def test_a_filled_order_newly_seen_short_is_an_alarm() -> None:
    order, _ = fold(order_in(L.ACKED), [said(R.FILLED, 150, "100", version=1)])
    result = merge(order, said(R.CANCELLED, 75, "100", version=2), 9)
    assert result.order.lifecycle is L.FILLED
    assert set(result.anomalies) == {Anomaly.QUANTITY_FELL, Anomaly.CANCELLED_AFTER_FILLED}


def test_the_reason_and_code_of_a_rejection_are_kept() -> None:
    result = merge(order_in(L.ACKED), said(R.REJECTED, 0, reason="RMS: margin", code="16"), 5)
    assert (result.order.reason, result.order.code) == ("RMS: margin", "16")


# -- requests -------------------------------------------------------------------------------------


def replacing(quantity: int = 150, price: str = "101", **fields: object) -> Order:
    order = order_in(L.OPEN, broker_id="B1", **fields)
    order = want_replace(order, replacement(order, quantity, price), 5).order
    return amend_step(order, AmendTrigger.SENT, 6).order


def state_of(order: Order) -> AmendState:
    assert order.amend is not None
    return order.amend.state


def test_a_replace_is_done_when_its_terms_are_seen_not_when_it_is_accepted() -> None:
    order = replacing()
    acked = merge(
        order, said(R.NONE, amend_outcome=AmendOutcome.REPLACE_ACKED, price=Decimal(101)), 7
    )
    assert (state_of(acked.order), acked.order.generation) == (AmendState.ACKED, 0)
    unchanged = merge(acked.order, said(R.OPEN, 0, quantity=150, price=Decimal(100)), 8)
    assert state_of(unchanged.order) is AmendState.ACKED
    seen = merge(acked.order, said(R.OPEN, 0, quantity=150, price=Decimal(101)), 8)
    assert (state_of(seen.order), seen.order.generation) == (AmendState.DONE, 1)
    assert seen.order.price == Decimal(101)
    assert not seen.order.is_external_change


def test_done_in_words_without_terms_is_believed_and_with_the_old_terms_is_not() -> None:
    bare = merge(replacing(), said(R.OPEN, 0, amend_outcome=AmendOutcome.REPLACE_DONE), 7)
    assert (state_of(bare.order), bare.order.price) == (AmendState.DONE, Decimal(101))
    old = merge(
        replacing(),
        said(R.OPEN, 0, amend_outcome=AmendOutcome.REPLACE_DONE, price=Decimal(100)),
        7,
    )
    assert (state_of(old.order), old.order.price) == (AmendState.ACKED, Decimal(100))


def test_a_pending_frame_with_the_new_price_is_the_replace_seen() -> None:
    result = merge(replacing(), said(R.PENDING, 0, price=Decimal(101)), 7)
    assert (state_of(result.order), result.order.lifecycle) == (AmendState.DONE, L.OPEN)


def test_a_refused_replace_leaves_the_order_alone() -> None:
    update = said(R.REJECTED, 0, amend_outcome=AmendOutcome.REPLACE_REFUSED, reason="LPP")
    result = merge(replacing(), update, 7)
    assert (result.order.lifecycle, state_of(result.order)) == (L.OPEN, AmendState.REFUSED)
    assert result.order.amend is not None
    assert result.order.amend.reason == "LPP"


def test_a_refused_replace_that_is_seen_after_all_is_late_and_true() -> None:
    refused = amend_step(replacing(quantity=300), AmendTrigger.REPLY_REFUSED, 7, "no").order
    result = merge(refused, said(R.OPEN, 0, quantity=300, price=Decimal(101)), 8)
    assert (result.order.quantity, state_of(result.order)) == (300, AmendState.DONE)
    assert not result.order.is_external_change


def test_a_replace_below_what_has_filled_ends_as_filled() -> None:
    order = replacing(quantity=50, filled_quantity=75, filled_value=Decimal(7500))
    result = merge(order, said(R.OPEN, 75, "100", quantity=50, price=Decimal(101)), 7)
    assert (result.order.lifecycle, result.order.quantity) == (L.FILLED, 75)
    assert result.order.overfill == 0


def test_the_old_quantity_filled_does_not_end_an_order_that_may_have_grown() -> None:
    order = replacing(quantity=300)
    partial = merge(order, said(R.OPEN, 150, "100"), 7)
    assert (partial.order.lifecycle, partial.order.exposed_quantity) == (L.OPEN, 150)
    assert merge(order, said(R.FILLED, 150, "100"), 7).order.lifecycle is L.FILLED
    assert merge(order, said(R.OPEN, 150, "100", quantity=150), 7).order.lifecycle is L.FILLED


def test_a_change_nobody_asked_for_is_adopted_and_flagged() -> None:
    result = merge(order_in(L.OPEN), said(R.OPEN, 0, quantity=300, price=Decimal(98)), 5)
    assert (result.order.quantity, result.order.price) == (300, Decimal(98))
    assert result.order.is_external_change
    assert result.anomalies == (Anomaly.EXTERNAL_CHANGE,)


def test_a_change_nobody_asked_for_to_less_than_has_filled_ends_as_filled() -> None:
    order = order_in(L.OPEN, filled_quantity=75, filled_value=Decimal(7500))
    result = merge(order, said(R.OPEN, 75, "100", quantity=50), 5)
    assert (result.order.lifecycle, result.order.quantity) == (L.FILLED, 75)
    assert result.order.overfill == 0


def test_an_unversioned_report_of_an_earlier_generation_changes_nothing() -> None:
    order = merge(replacing(), said(R.OPEN, 0, price=Decimal(101)), 7).order
    result = merge(order, said(R.OPEN, 0, price=Decimal(100)), 8)
    assert result.order.price == Decimal(101)
    assert result.anomalies == (Anomaly.TERMS_DIFFER,)
    newer = merge(order, said(R.OPEN, 0, price=Decimal(102), version=9), 8)
    assert (newer.order.price, newer.order.is_external_change) == (Decimal(102), True)


def test_a_cancel_of_ours_is_not_external_and_anybody_elses_is() -> None:
    order = want_cancel(order_in(L.OPEN, broker_id="B1"), 5, "x").order
    sent = amend_step(order, AmendTrigger.SENT, 6).order
    ours = merge(sent, said(R.CANCELLED, 0), 7).order
    assert (state_of(ours), ours.is_external_change) == (AmendState.DONE, False)
    theirs = merge(order_in(L.OPEN), said(R.CANCELLED, 0), 7)
    assert theirs.order.is_external_change
    assert theirs.anomalies == (Anomaly.EXTERNAL_CHANGE,)


def test_the_words_on_a_cancel_request_move_the_request_only() -> None:
    order = want_cancel(order_in(L.OPEN, broker_id="B1"), 5, "x").order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    acked = merge(order, said(R.NONE, amend_outcome=AmendOutcome.CANCEL_ACKED), 7).order
    assert (acked.lifecycle, state_of(acked)) == (L.OPEN, AmendState.ACKED)
    refused = merge(acked, said(R.NONE, amend_outcome=AmendOutcome.CANCEL_REFUSED), 8).order
    assert (refused.lifecycle, state_of(refused)) == (L.OPEN, AmendState.REFUSED)


def test_a_replace_that_a_cancel_overtook_may_still_come_true() -> None:
    order = want_cancel(replacing(quantity=300), 7, "kill").order
    result = merge(order, said(R.OPEN, 0, quantity=300, price=Decimal(101)), 8)
    assert (result.order.quantity, result.order.generation) == (300, 1)
    assert not result.order.is_external_change
    assert result.order.amend == Amend(
        kind=AmendKind.CANCEL, state=AmendState.WANTED, generation=1, reason="kill"
    )
    refused = merge(order, said(R.NONE, amend_outcome=AmendOutcome.REPLACE_REFUSED), 8).order
    assert refused.exposed_quantity == 150


def test_a_cancelled_order_shown_with_another_quantity_is_still_cancelled() -> None:
    order = order_in(L.OPEN, filled_quantity=75, filled_value=Decimal(7500))
    result = merge(order, said(R.CANCELLED, 75, "100", quantity=75), 7)
    assert (result.order.lifecycle, result.order.quantity) == (L.CANCELLED, 150)


def test_a_broker_that_answers_before_its_reply_teaches_its_id() -> None:
    order = merge(order_in(L.SENDING), said(R.OPEN, 0), 5).order
    assert (order.broker_id, order.acked_at) == ("B1", 5)
    late = advance(order, Trigger.REPLY_OK, 6, broker_id="B1")
    assert (late.verdict, late.order) == (V.STAY, order)


def test_an_open_that_comes_after_the_fill_it_preceded_is_old_and_no_anomaly() -> None:
    """Found by the simulation: a fill told by its quantity left no status version behind."""
    filled = merge(order_in(L.SENDING), said(R.FILLED, 150, "100", version=2), 2).order
    assert filled.lifecycle is L.FILLED
    result = merge(filled, said(R.OPEN, 0, version=1), 3)
    assert (result.verdict, result.order.anomalies) == (V.STALE, ())
