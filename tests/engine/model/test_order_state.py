from __future__ import annotations

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvariantBroken
from engine.model.amend_state import AMEND_TRANSITIONS, AmendTrigger, move_amend
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.command import Replacement
from engine.model.instrument import Kind, Segment
from engine.model.order import (
    Amend,
    AmendKind,
    AmendState,
    ChildKey,
    Lifecycle,
    Order,
    OrderRequest,
    OrderType,
    Product,
    Purpose,
)
from engine.model.order_state import (
    TRANSITIONS,
    Trigger,
    adopt_terms,
    advance,
    amend_step,
    as_markdown,
    is_amend_due,
    mark,
    sent,
    want_cancel,
    want_replace,
)
from engine.model.order_table import Rule
from engine.model.side import Side
from engine.model.verdict import Anomaly, Evidence, Verdict

L, T, V = Lifecycle, Trigger, Verdict

SHARE = Catalogue().intern(
    InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
)
REQUEST = OrderRequest(
    client_id="LW0AA000001XYZ",
    key=ChildKey("s.g.1", 1, "paper", 0, 1),
    strategy="s",
    instrument=SHARE,
    side=Side.BUY,
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

TERMINAL = {L.DENIED, L.FILLED, L.CANCELLED, L.REJECTED, L.EXPIRED, L.NOT_PLACED}
REMOTE = [trigger for trigger in Trigger if trigger.is_remote]


def order_in(lifecycle: Lifecycle, **fields: object) -> Order:
    known = lifecycle not in {L.INTENT, L.DENIED, L.APPROVED, L.SENDING, L.IN_DOUBT, L.NOT_PLACED}
    made = msgspec.structs.replace(
        Order.of(REQUEST), lifecycle=lifecycle, broker_id="B1" if known else None
    )
    if lifecycle is L.FILLED:
        made = msgspec.structs.replace(made, filled_quantity=150, filled_value=Decimal(15000))
    return msgspec.structs.replace(made, **fields)


def replacement(quantity: int = 150, price: str = "101", generation: int = 1) -> Replacement:
    return Replacement(
        client_id=REQUEST.client_id,
        generation=generation,
        quantity=quantity,
        price=Decimal(price),
        trigger_price=None,
        purpose=Purpose.ENTRY,
    )


# -- the table ------------------------------------------------------------------------------------


def test_every_state_answers_every_trigger() -> None:
    assert set(TRANSITIONS) == set(Lifecycle)
    for state, row in TRANSITIONS.items():
        assert set(row) == set(Trigger), state


# The table of reliability.md 1.3, row by row, in the words of the document: the next state, "=" to
# stay, "x" for an anomaly that stays, "o" for an orphan, "late"/"back" where the order had ended.
COLUMNS = (
    T.REPLY_OK,
    T.REPLY_REFUSED,
    T.REPLY_AMBIGUOUS,
    T.SEEN_PENDING,
    T.SEEN_OPEN,
    T.SEEN_TRIGGER_PENDING,
    T.SEEN_FILLED,
    T.SEEN_CANCELLED,
    T.SEEN_REJECTED,
    T.SNAPSHOT_ABSENT,
)
DOCUMENT = {
    L.INTENT: "x x = x x x x x x =",
    L.APPROVED: "x x = o o o o o o =",
    L.SENDING: "ACKED REJECTED IN_DOUBT PENDING_NEW OPEN TRIGGER_PENDING FILLED CANCELLED REJECTED =",
    L.IN_DOUBT: "ACKED REJECTED = PENDING_NEW OPEN TRIGGER_PENDING FILLED CANCELLED REJECTED NOT_PLACED",
    L.ACKED: "= x = PENDING_NEW OPEN TRIGGER_PENDING FILLED CANCELLED REJECTED QUARANTINED",
    L.PENDING_NEW: "= x = = OPEN TRIGGER_PENDING FILLED CANCELLED REJECTED QUARANTINED",
    L.TRIGGER_PENDING: "= x = = OPEN = FILLED CANCELLED REJECTED QUARANTINED",
    L.OPEN: "= x = stale = stale FILLED CANCELLED REJECTED QUARANTINED",
    L.FILLED: "= x = = stale stale = stale x =",
    L.CANCELLED: "= = = stale x x late:FILLED = = =",
    L.REJECTED: "= = = stale x x late:FILLED x = =",
    L.EXPIRED: "= = = stale stale stale late:FILLED = = =",
    L.NOT_PLACED: (
        "back:ACKED = = back:PENDING_NEW back:OPEN back:TRIGGER_PENDING back:FILLED "
        "late:CANCELLED late:REJECTED ="
    ),
    L.QUARANTINED: "ACKED REJECTED = PENDING_NEW OPEN TRIGGER_PENDING FILLED CANCELLED REJECTED =",
}
VERDICT_OF = {
    "=": V.STAY,
    "stale": V.STALE,
    "x": V.ANOMALY,
    "o": V.ORPHAN,
    "late": V.LATE,
    "back": V.RESURRECT,
}


@pytest.mark.parametrize("state", DOCUMENT)
def test_an_order_moves_as_the_document_says(state: Lifecycle) -> None:
    for trigger, word in zip(COLUMNS, DOCUMENT[state].split(), strict=True):
        kind, _, target = word.rpartition(":")
        step = advance(order_in(state), trigger, 5)
        if target in VERDICT_OF:
            assert (step.order.lifecycle, step.verdict) == (state, VERDICT_OF[target]), trigger
        else:
            wanted = VERDICT_OF[kind] if kind else V.MOVE
            assert (step.order.lifecycle, step.verdict) == (L[target], wanted), trigger


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(Lifecycle, Trigger)))
def test_every_pair_moves_as_its_cell_or_is_our_own_bug(state: Lifecycle, trigger: Trigger) -> None:
    before = order_in(state)
    cell = TRANSITIONS[state][trigger]
    if cell.verdict is V.IMPOSSIBLE:
        with pytest.raises(InvariantBroken, match=str(state)):
            advance(before, trigger, 5)
        return
    step = advance(before, trigger, 5)
    assert step.changed == (step.order is not before)
    assert step.changed == (step.order != before)
    if not step.changed:
        assert step.order.updated_at == 1
    if cell.rule is None:
        assert (step.order.lifecycle, step.verdict) == (cell.next, cell.verdict)
    if step.verdict is V.ANOMALY:
        assert step.anomaly is not None
        assert step.anomaly in step.order.anomalies


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(Lifecycle, Trigger)))
def test_the_same_trigger_twice_is_the_same_as_once(state: Lifecycle, trigger: Trigger) -> None:
    cell = TRANSITIONS[state][trigger]
    if cell.verdict is V.IMPOSSIBLE or cell.rule is not None:
        return
    once = advance(order_in(state), trigger, 5).order
    if TRANSITIONS[once.lifecycle][trigger].verdict is V.IMPOSSIBLE:
        assert trigger in {T.APPROVE, T.DENY, T.SEND_START}
        return
    twice = advance(once, trigger, 6)
    if not trigger.is_remote and trigger is not T.REPLY_OK:
        assert twice.order.lifecycle in {once.lifecycle, L.QUARANTINED}
        return
    assert twice.order.lifecycle is once.lifecycle


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_ended_order_lives_again_only_with_alarm(state: Lifecycle) -> None:
    for trigger, cell in TRANSITIONS[state].items():
        if not cell.next.is_terminal:
            assert cell.verdict in {V.LATE, V.RESURRECT}, trigger
            assert cell.anomaly is not None
            assert cell.rule is Rule.IF_AGREED or cell.verdict is V.RESURRECT


def test_only_an_approved_order_can_be_sent() -> None:
    may_send = [s for s in Lifecycle if TRANSITIONS[s][T.SEND_START].verdict is not V.IMPOSSIBLE]
    assert may_send == [L.APPROVED]


def test_an_order_in_doubt_is_rejected_or_absent_only_on_evidence() -> None:
    ours = {
        trigger: cell.next
        for trigger, cell in TRANSITIONS[L.IN_DOUBT].items()
        if cell.next in {L.REJECTED, L.NOT_PLACED}
    }
    assert ours == {
        T.SEND_ABORTED: L.NOT_PLACED,
        T.REPLY_REFUSED: L.REJECTED,
        T.SEEN_REJECTED: L.REJECTED,
        T.SNAPSHOT_ABSENT: L.NOT_PLACED,
        T.RESOLVED_NOT_PLACED: L.NOT_PLACED,
        T.RESOLVED_REJECTED: L.REJECTED,
    }


def test_an_order_the_broker_named_is_never_not_placed() -> None:
    for state in (L.ACKED, L.PENDING_NEW, L.TRIGGER_PENDING, L.OPEN):
        assert all(cell.next is not L.NOT_PLACED for cell in TRANSITIONS[state].values())


@pytest.mark.parametrize(
    "named", [{"broker_id": "X1"}, {"filled_quantity": 75, "filled_value": Decimal(7500)}]
)
def test_one_in_doubt_that_the_broker_named_is_never_proven_absent(
    named: dict[str, object],
) -> None:
    unnamed = advance(order_in(L.IN_DOUBT, broker_id=None), T.SNAPSHOT_ABSENT, 5)
    assert unnamed.order.lifecycle is L.NOT_PLACED
    step = advance(order_in(L.IN_DOUBT, **({"broker_id": None} | named)), T.SNAPSHOT_ABSENT, 5)
    assert step.order.lifecycle is L.QUARANTINED
    assert "vanished" in step.order.anomalies


@pytest.mark.parametrize("state", [L.INTENT, L.APPROVED, L.DENIED])
def test_nothing_a_broker_says_touches_an_order_that_was_never_sent(state: Lifecycle) -> None:
    before = order_in(state)
    for trigger in REMOTE:
        step = advance(before, trigger, 5)
        assert step.order.lifecycle is state
        if state is not L.INTENT:
            assert step.order is before
            assert step.verdict is V.ORPHAN


def test_the_table_is_printed_for_people() -> None:
    lines = as_markdown().splitlines()
    assert lines[0] == "| trigger | " + " | ".join(Lifecycle) + " |"
    assert len(lines) == 2 + len(Trigger)
    assert {line.count("|") for line in lines} == {len(Lifecycle) + 2}
    absent = next(line for line in lines if line.startswith("| SNAPSHOT_ABSENT"))
    assert "| NOT_PLACED (QUARANTINED if the broker named it) |" in absent


# -- cells that depend on more than the state -----------------------------------------------------


def test_a_rejection_of_a_partly_filled_order_is_a_cancellation() -> None:
    part = order_in(L.OPEN, filled_quantity=75, filled_value=Decimal(7500))
    step = advance(part, T.SEEN_REJECTED, 5, reason="RMS: square off")
    assert step.order.lifecycle is L.CANCELLED
    assert step.order.reason == "RMS: square off"


def test_a_rejection_is_held_while_a_request_is_out_until_a_snapshot_says_it() -> None:
    out = order_in(
        L.OPEN, amend=Amend(kind=AmendKind.CANCEL, state=AmendState.SENDING, generation=0)
    )
    held = advance(out, T.SEEN_REJECTED, 5)
    assert (held.order.lifecycle, held.verdict) == (L.OPEN, V.HELD)
    assert Anomaly.REJECT_HELD in held.order.anomalies
    settled = advance(held.order, T.SEEN_REJECTED, 6, evidence=Evidence.SNAPSHOT)
    assert settled.order.lifecycle is L.REJECTED
    assert settled.order.amend is not None
    assert settled.order.amend.state is AmendState.REFUSED


def test_a_wish_that_never_left_does_not_hold_a_rejection() -> None:
    latched = order_in(
        L.ACKED, amend=Amend(kind=AmendKind.CANCEL, state=AmendState.WANTED, generation=0)
    )
    assert advance(latched, T.SEEN_REJECTED, 5).order.lifecycle is L.REJECTED


def test_a_stop_rejected_at_its_trigger_is_an_alarm() -> None:
    step = advance(order_in(L.TRIGGER_PENDING), T.SEEN_REJECTED, 5)
    assert step.order.lifecycle is L.REJECTED
    assert step.anomaly is Anomaly.PROTECTION_LOST
    assert Anomaly.PROTECTION_LOST in step.order.anomalies


def test_an_open_order_waits_for_its_trigger_again_only_on_newer_word() -> None:
    assert advance(order_in(L.OPEN), T.SEEN_TRIGGER_PENDING, 5).verdict is V.STALE
    newer = advance(order_in(L.OPEN), T.SEEN_TRIGGER_PENDING, 5, is_newer=True)
    assert newer.order.lifecycle is L.TRIGGER_PENDING
    filled = order_in(L.OPEN, filled_quantity=75)
    assert advance(filled, T.SEEN_TRIGGER_PENDING, 5, is_newer=True).verdict is V.STALE


@pytest.mark.parametrize("trigger", [T.REPLY_OK, T.SEEN_PENDING, T.SEEN_TRIGGER_PENDING])
def test_what_has_filled_in_part_was_open_whatever_it_is_called(trigger: Trigger) -> None:
    part = order_in(L.QUARANTINED, filled_quantity=75, filled_value=Decimal(7500))
    assert advance(part, trigger, 5).order.lifecycle is L.OPEN


@pytest.mark.parametrize("end", [L.CANCELLED, L.REJECTED])
def test_an_ended_order_is_reinstated_only_when_two_snapshots_agree(end: Lifecycle) -> None:
    for evidence in (Evidence.STREAM, Evidence.SNAPSHOT):
        step = advance(order_in(end), T.SEEN_OPEN, 5, evidence=evidence)
        assert (step.order.lifecycle, step.verdict) == (end, V.ANOMALY)
        assert step.anomaly is Anomaly.OPEN_AFTER_END
    step = advance(order_in(end), T.SEEN_OPEN, 5, evidence=Evidence.AGREED)
    assert (step.order.lifecycle, step.verdict) == (L.OPEN, V.LATE)
    assert step.order.is_late
    assert step.anomaly is Anomaly.REINSTATED


@pytest.mark.parametrize("trigger", [T.SEEN_CANCELLED, T.SEEN_OPEN])
def test_a_filled_order_seen_otherwise_is_stale_unless_newer_and_short(trigger: Trigger) -> None:
    filled = order_in(L.FILLED)
    assert advance(filled, trigger, 5, is_newer=True, seen_quantity=150).verdict is V.STALE
    assert advance(filled, trigger, 5, seen_quantity=75).verdict is V.STALE
    step = advance(filled, trigger, 5, is_newer=True, seen_quantity=75)
    assert (step.order.lifecycle, step.verdict) == (L.FILLED, V.ANOMALY)


# -- what a step carries --------------------------------------------------------------------------


def test_the_path_of_an_order_that_fills() -> None:
    order = Order.of(REQUEST)
    for at, trigger in enumerate([T.APPROVE, T.SEND_START], start=2):
        order = advance(order, trigger, at).order
    order = sent(order, 4)
    order = advance(order, T.REPLY_OK, 5, broker_id="B1").order
    order = advance(order, T.SEEN_OPEN, 6).order
    order = advance(order, T.SEEN_FILLED, 7).order
    assert (order.lifecycle, order.broker_id) == (L.FILLED, "B1")
    assert (order.sent_at, order.acked_at, order.updated_at) == (4, 5, 7)
    assert not order.anomalies


def test_a_late_reply_still_teaches_the_brokers_id() -> None:
    order = order_in(L.CANCELLED, broker_id=None)
    step = advance(order, T.REPLY_OK, 5, broker_id="B9")
    assert (step.order.broker_id, step.verdict) == ("B9", V.STAY)


def test_two_broker_ids_for_one_order_are_an_alarm() -> None:
    step = advance(order_in(L.ACKED), T.REPLY_OK, 5, broker_id="B2")
    assert (step.order.broker_id, step.verdict) == ("B1", V.ANOMALY)
    assert step.order.anomalies == (Anomaly.BROKER_ID_CONFLICT,)


def test_the_refusals_words_are_kept() -> None:
    step = advance(order_in(L.SENDING), T.REPLY_REFUSED, 5, reason="bad tag", code="AB4008")
    assert (step.order.reason, step.order.code) == ("bad tag", "AB4008")


def test_a_reason_that_comes_after_the_end_is_kept_too() -> None:
    bare = advance(order_in(L.OPEN), T.SEEN_REJECTED, 5).order
    told = advance(bare, T.SEEN_REJECTED, 6, reason="margin", code="16").order
    assert (told.reason, told.code) == ("margin", "16")
    assert advance(told, T.SEEN_REJECTED, 7, reason="other").order.reason == "margin"


def test_an_anomaly_is_noted_once() -> None:
    once = mark(order_in(L.OPEN), Anomaly.OVERFILL, 5)
    assert mark(once, Anomaly.OVERFILL, 6) is once


def test_a_filled_late_order_says_so() -> None:
    step = advance(order_in(L.CANCELLED), T.SEEN_FILLED, 5)
    assert step.order.is_late
    assert step.anomaly is Anomaly.FILLED_AFTER_END


# -- the request register -------------------------------------------------------------------------


def test_every_request_answers_every_trigger() -> None:
    assert set(AMEND_TRANSITIONS) == set(AmendKind)
    for kind, rows in AMEND_TRANSITIONS.items():
        assert set(rows) == set(AmendState), kind
        for state, row in rows.items():
            assert set(row) == set(AmendTrigger), (kind, state)


@pytest.mark.parametrize(
    ("kind", "state", "trigger"), list(itertools.product(AmendKind, AmendState, AmendTrigger))
)
def test_a_request_moves_as_its_cell(
    kind: AmendKind, state: AmendState, trigger: AmendTrigger
) -> None:
    amend = Amend(kind=kind, state=state, generation=1, quantity=150, price=Decimal(101))
    cell = AMEND_TRANSITIONS[kind][state][trigger]
    if cell.verdict is V.IMPOSSIBLE:
        with pytest.raises(InvariantBroken, match=str(trigger)):
            move_amend(amend, trigger)
        return
    moved, verdict, _ = move_amend(amend, trigger)
    assert (moved.state, verdict) == (cell.next, cell.verdict)
    assert (moved is amend) == (cell.next is state)


def test_a_replace_in_doubt_is_never_sent_again_and_a_cancel_may_be() -> None:
    def sendable(kind: AmendKind) -> list[AmendState]:
        return [
            state
            for state, row in AMEND_TRANSITIONS[kind].items()
            if row[AmendTrigger.SENT].verdict is not V.IMPOSSIBLE
        ]

    assert sendable(AmendKind.REPLACE) == [AmendState.WANTED]
    assert sendable(AmendKind.CANCEL) == [
        AmendState.WANTED,
        AmendState.ACKED,
        AmendState.IN_DOUBT,
    ]


def test_an_accepted_cancel_is_not_a_cancelled_order() -> None:
    order = want_cancel(order_in(L.OPEN), 5, "leg failed").order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = amend_step(order, AmendTrigger.REPLY_OK, 7).order
    assert order.lifecycle is L.OPEN
    assert order.amend is not None
    assert order.amend.state is AmendState.ACKED
    order = advance(order, T.SEEN_CANCELLED, 8).order
    assert order.amend is not None
    assert (order.lifecycle, order.amend.state) == (L.CANCELLED, AmendState.DONE)


def test_a_refused_cancel_leaves_the_order_alone_and_may_be_asked_again() -> None:
    order = want_cancel(order_in(L.OPEN), 5, "kill").order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    step = amend_step(order, AmendTrigger.REPLY_REFUSED, 7, "already traded")
    assert step.order.lifecycle is L.OPEN
    assert step.order.amend is not None
    assert (step.order.amend.state, step.order.amend.reason) == (
        AmendState.REFUSED,
        "already traded",
    )
    again = want_cancel(step.order, 8, "kill")
    assert again.changed
    assert again.order.amend is not None
    assert again.order.amend.state is AmendState.WANTED


@pytest.mark.parametrize("state", [L.SENDING, L.IN_DOUBT, L.ACKED, L.QUARANTINED])
def test_a_cancel_is_latched_before_the_brokers_id_is_known(state: Lifecycle) -> None:
    latched = want_cancel(order_in(state, broker_id=None), 5, "kill").order
    assert not is_amend_due(latched)
    learned = advance(latched, T.REPLY_OK, 6, broker_id="B7").order
    assert is_amend_due(learned)


@pytest.mark.parametrize("state", [L.INTENT, L.APPROVED])
def test_a_cancel_of_an_unsent_order_denies_it(state: Lifecycle) -> None:
    step = want_cancel(order_in(state), 5, "kill")
    assert (step.order.lifecycle, step.order.reason) == (L.DENIED, "kill")


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_request_on_an_ended_order_changes_nothing(state: Lifecycle) -> None:
    order = order_in(state)
    assert want_cancel(order, 5, "kill").order is order
    assert want_replace(order, replacement(), 5).order is order
    assert not is_amend_due(order)


def test_an_aborted_cancel_is_still_wanted_and_an_aborted_replace_is_over() -> None:
    cancel = amend_step(want_cancel(order_in(L.OPEN), 5, "x").order, AmendTrigger.SENT, 6).order
    assert is_amend_due(amend_step(cancel, AmendTrigger.ABORTED, 7, "kill").order)
    replace = want_replace(order_in(L.OPEN), replacement(), 5).order
    replace = amend_step(replace, AmendTrigger.SENT, 6).order
    ended = amend_step(replace, AmendTrigger.ABORTED, 7, "kill").order
    assert ended.amend is not None
    assert (ended.amend.state, ended.amend.reason) == (AmendState.REFUSED, "kill")


def test_a_second_cancel_is_not_a_second_request() -> None:
    order = want_cancel(order_in(L.OPEN), 5, "a").order
    assert want_cancel(order, 6, "b").order is order


def test_exposure_under_a_replace_is_the_worse_of_both_until_it_is_known() -> None:
    order = want_replace(order_in(L.OPEN), replacement(quantity=300), 5).order
    assert order.exposed_quantity == 300
    order = amend_step(order, AmendTrigger.SENT, 6).order
    doubtful = amend_step(order, AmendTrigger.REPLY_AMBIGUOUS, 7).order
    assert doubtful.exposed_quantity == 300
    refused = amend_step(order, AmendTrigger.REPLY_REFUSED, 7, "no").order
    assert refused.exposed_quantity == 150


def test_a_cancel_overtakes_a_replace_and_keeps_counting_what_it_may_have_done() -> None:
    order = want_replace(order_in(L.OPEN), replacement(quantity=300), 5).order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = want_cancel(order, 7, "kill").order
    assert order.amend is not None
    assert (order.amend.kind, order.amend.quantity) == (AmendKind.CANCEL, 300)
    assert order.exposed_quantity == 300
    refused = amend_step(
        order, AmendTrigger.REPLY_REFUSED, 8, "too late", kind=AmendKind.REPLACE
    ).order
    assert refused.exposed_quantity == 150
    assert is_amend_due(refused)
    accepted = amend_step(order, AmendTrigger.REPLY_OK, 8, kind=AmendKind.REPLACE)
    assert (accepted.order, accepted.verdict) == (order, V.STALE)
    done = adopt_terms(order, 9, quantity=300, price=Decimal(101), trigger_price=None)
    assert (done.quantity, done.generation, done.exposed_quantity) == (300, 1, 300)
    assert done.amend is not None
    assert done.amend.quantity is None


def test_a_cancel_of_a_replace_that_never_left_carries_nothing() -> None:
    order = want_replace(order_in(L.OPEN), replacement(quantity=300), 5).order
    order = want_cancel(order, 6, "kill").order
    assert order.amend is not None
    assert order.amend.quantity is None
    assert order.exposed_quantity == 150


def test_a_refused_cancel_does_not_forget_the_replace_it_overtook() -> None:
    order = want_replace(order_in(L.OPEN), replacement(quantity=300), 5).order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = want_cancel(order, 7, "kill").order
    order = amend_step(order, AmendTrigger.SENT, 8).order
    order = amend_step(order, AmendTrigger.REPLY_REFUSED, 9, "no").order
    assert order.exposed_quantity == 300
    assert not want_replace(order, replacement(generation=2), 10).changed


def test_later_replaces_wait_and_the_newest_wins() -> None:
    order = want_replace(order_in(L.OPEN), replacement(price="101"), 5).order
    order = want_replace(order, replacement(price="102"), 6).order
    assert order.amend is not None
    assert (order.amend.price, order.amend.queued) == (Decimal(102), None)
    order = amend_step(order, AmendTrigger.SENT, 7).order
    for price in ("103", "104"):
        order = want_replace(order, replacement(price=price, generation=2), 8).order
    assert order.amend is not None
    assert order.amend.price == Decimal(102)
    order = adopt_terms(order, 9, quantity=150, price=Decimal(102), trigger_price=None)
    assert order.amend is not None
    assert (order.amend.state, order.amend.price) == (AmendState.WANTED, Decimal(104))
    assert (order.generation, order.price) == (1, Decimal(102))
    assert is_amend_due(order)


def test_a_refused_replace_makes_room_for_the_one_behind_it() -> None:
    order = want_replace(order_in(L.OPEN), replacement(price="102"), 5).order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = want_replace(order, replacement(price="103", generation=2), 7).order
    doubtful = amend_step(order, AmendTrigger.REPLY_AMBIGUOUS, 8).order
    assert not is_amend_due(doubtful)
    refused = amend_step(doubtful, AmendTrigger.REPLY_REFUSED, 9, "LPP").order
    assert is_amend_due(refused)
    assert refused.amend is not None
    assert (refused.amend.price, refused.amend.generation) == (Decimal(103), 2)


def test_a_cancel_wins_over_a_replace_asked_after_it() -> None:
    order = want_cancel(order_in(L.OPEN), 5, "kill").order
    step = want_replace(order, replacement(), 6)
    assert (step.order, step.note) == (order, "a cancel wins")


def test_a_replace_seen_is_a_new_generation() -> None:
    order = want_replace(order_in(L.OPEN), replacement(quantity=75, price="99.5"), 5).order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = adopt_terms(order, 7, quantity=75, price=Decimal("99.5"), trigger_price=None)
    assert (order.generation, order.quantity, order.price) == (1, 75, Decimal("99.5"))
    assert order.lifecycle is L.OPEN
    assert order.amend is not None
    assert order.amend.state is AmendState.DONE


def test_a_replace_to_no_more_than_what_filled_ends_the_order_as_filled() -> None:
    part = order_in(L.OPEN, filled_quantity=75, filled_value=Decimal(7500))
    order = want_replace(part, replacement(quantity=50), 5).order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = adopt_terms(order, 7, quantity=50, price=Decimal(101), trigger_price=None)
    assert (order.lifecycle, order.quantity, order.overfill) == (L.FILLED, 75, 0)


def test_nothing_is_adopted_where_nothing_was_asked() -> None:
    with pytest.raises(InvariantBroken, match="no replace"):
        adopt_terms(order_in(L.OPEN), 5, quantity=1, price=Decimal(1), trigger_price=None)


def test_a_replacement_of_another_order_or_of_the_past_is_our_own_bug() -> None:
    order = order_in(L.OPEN, generation=2)
    with pytest.raises(InvariantBroken, match="generation 2"):
        want_replace(order, replacement(generation=2), 5)
    other = msgspec.structs.replace(replacement(generation=3), client_id="LW")
    with pytest.raises(InvariantBroken, match="LW"):
        want_replace(order, other, 5)


@pytest.mark.parametrize("state", [L.INTENT, L.APPROVED, L.QUARANTINED])
def test_an_order_that_is_unsent_or_quarantined_is_not_replaced(state: Lifecycle) -> None:
    order = order_in(state)
    assert want_replace(order, replacement(), 5).order is order


def test_an_answer_to_a_request_nobody_made_is_an_anomaly() -> None:
    step = amend_step(order_in(L.OPEN), AmendTrigger.REPLY_OK, 5)
    assert step.anomaly is Anomaly.UNEXPECTED_AMEND
    again = amend_step(step.order, AmendTrigger.REPLY_OK, 6)
    assert not again.changed
    order = want_replace(order_in(L.OPEN), replacement(), 5).order
    wrong = amend_step(order, AmendTrigger.REPLY_OK, 6, kind=AmendKind.CANCEL)
    assert wrong.anomaly is Anomaly.UNEXPECTED_AMEND


def test_an_order_that_ends_settles_the_request_on_it() -> None:
    order = want_replace(order_in(L.OPEN), replacement(), 5).order
    order = amend_step(order, AmendTrigger.SENT, 6).order
    order = want_replace(order, replacement(generation=2), 7).order
    order = advance(order, T.SEEN_FILLED, 8).order
    assert order.amend is not None
    assert (order.amend.state, order.amend.queued) == (AmendState.REFUSED, None)


# -- any history ----------------------------------------------------------------------------------


@given(
    start=st.sampled_from(Lifecycle),
    history=st.lists(
        st.tuples(st.sampled_from(Trigger), st.sampled_from(Evidence), st.booleans()), max_size=25
    ),
)
def test_no_history_breaks_the_registers(
    start: Lifecycle, history: list[tuple[Trigger, Evidence, bool]]
) -> None:
    order = order_in(start)
    for at, (trigger, evidence, is_newer) in enumerate(history, start=2):
        cell = TRANSITIONS[order.lifecycle][trigger]
        if cell.verdict is V.IMPOSSIBLE:
            with pytest.raises(InvariantBroken):
                advance(order, trigger, at)
            continue
        before = order
        step = advance(order, trigger, at, broker_id="B1", evidence=evidence, is_newer=is_newer)
        order = step.order
        assert set(before.anomalies) <= set(order.anomalies)
        assert len(set(order.anomalies)) == len(order.anomalies)
        if before.lifecycle.is_terminal and not order.lifecycle.is_terminal:
            assert order.is_late
        if order.lifecycle.is_terminal:
            assert order.amend is None or not order.amend.state.is_outstanding


@given(
    st.lists(
        st.one_of(
            st.just("cancel"),
            st.tuples(st.just("replace"), st.integers(1, 400)),
            st.sampled_from(AmendTrigger),
            st.sampled_from([T.SEEN_OPEN, T.SEEN_CANCELLED, T.SEEN_FILLED, T.REPLY_OK]),
        ),
        max_size=20,
    )
)
def test_no_sequence_of_requests_hides_exposure(actions: list[object]) -> None:
    order = order_in(L.OPEN)
    for at, action in enumerate(actions, start=2):
        if action == "cancel":
            order = want_cancel(order, at, "x").order
        elif isinstance(action, tuple):
            wanted = replacement(quantity=action[1], generation=order.generation + 1)
            order = want_replace(order, wanted, at).order
        elif isinstance(action, AmendTrigger):
            before = order.amend
            try:
                order = amend_step(order, action, at).order
            except InvariantBroken:
                assert action is AmendTrigger.SENT
                assert order.amend is before
        elif isinstance(action, Trigger):
            order = advance(order, action, at).order
        amend = order.amend
        in_the_air = (
            amend is not None
            and amend.quantity is not None
            and amend.state in {AmendState.SENDING, AmendState.ACKED, AmendState.IN_DOUBT}
        )
        if order.lifecycle.is_terminal:
            assert order.exposed_quantity == 0
        elif in_the_air:
            assert amend is not None
            assert amend.quantity is not None
            assert order.exposed_quantity >= max(amend.quantity, order.quantity)
        else:
            assert order.exposed_quantity >= order.quantity
