"""The brokers' words, retyped from reliability.md 1.5, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import order_status
from brokers.order_status import UNRECOGNISED, Said, angel, noren, quantsapp
from engine.model.order_update import AmendOutcome, RemoteStatus

R, A = RemoteStatus, AmendOutcome


@pytest.mark.parametrize(
    ("word", "status", "outcome"),
    [
        ("AB09", R.PENDING, None),
        ("put order req received", R.PENDING, None),
        ("validation pending", R.PENDING, None),
        ("AB06", R.PENDING, None),
        ("after market order req received", R.PENDING, None),
        ("AB01", R.OPEN, None),
        ("open", R.OPEN, None),
        ("AB10", R.TRIGGER_PENDING, None),
        ("trigger pending", R.TRIGGER_PENDING, None),
        ("AB04", R.NONE, A.REPLACE_DONE),
        ("AB08", R.NONE, A.REPLACE_ACKED),
        ("AB11", R.NONE, A.REPLACE_ACKED),
        ("modify validation pending", R.NONE, A.REPLACE_ACKED),
        ("not modified", R.NONE, A.REPLACE_REFUSED),
        ("cancel pending", R.NONE, A.CANCEL_ACKED),
        ("not cancelled", R.NONE, A.CANCEL_REFUSED),
        ("AB02", R.CANCELLED, None),
        ("AB07", R.CANCELLED, None),
        ("AB03", R.REJECTED, None),
        ("AB05", R.FILLED, None),
        ("complete", R.FILLED, None),
    ],
)
def test_angel_one(word: str, status: RemoteStatus, outcome: AmendOutcome | None) -> None:
    assert angel(word) == Said(status, outcome)


@pytest.mark.parametrize(
    ("status", "report", "said", "outcome"),
    [
        ("PENDING", "NewAck", R.PENDING, None),
        ("PENDING", "PendingNew", R.PENDING, None),
        ("OPEN", "New", R.OPEN, None),
        ("NEW", "New", R.OPEN, None),
        ("TRIGGER_PENDING", "", R.TRIGGER_PENDING, None),
        ("OPEN", "ModAck", R.NONE, A.REPLACE_ACKED),
        ("OPEN", "PendingReplace", R.NONE, A.REPLACE_ACKED),
        ("OPEN", "Replaced", R.OPEN, A.REPLACE_DONE),
        ("OPEN", "ReplaceRejected", R.NONE, A.REPLACE_REFUSED),
        ("REJECTED", "CancelRejected", R.NONE, A.CANCEL_REFUSED),
        ("OPEN", "CanAck", R.NONE, A.CANCEL_ACKED),
        ("OPEN", "PendingCancel", R.NONE, A.CANCEL_ACKED),
        ("OPEN", "Fill", R.OPEN, None),
        ("COMPLETE", "Fill", R.FILLED, None),
        ("CANCELED", "Canceled", R.CANCELLED, None),
        ("CANCELLED", "Canceled", R.CANCELLED, None),
        ("REJECTED", "Rejected", R.REJECTED, None),
        ("ORDER ERROR ", "", R.REJECTED, None),
        ("A.REJECTED", "", R.REJECTED, None),
        ("ADMIN PENDING", "", R.PENDING, None),
        ("INVALID_STATUS_TYPE", "", R.UNRECOGNISED, None),
    ],
)
def test_alice_blue(
    status: str, report: str, said: RemoteStatus, outcome: AmendOutcome | None
) -> None:
    assert noren(status, report) == Said(said, outcome)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("placed", R.NONE),
        ("transit", R.PENDING),
        ("pending", R.OPEN),
        ("partial", R.OPEN),
        ("completed", R.FILLED),
        ("cancelled", R.CANCELLED),
        ("rejected", R.REJECTED),
        ("failed", R.REJECTED),
    ],
)
def test_quantsapp(status: str, said: RemoteStatus) -> None:
    assert quantsapp(status).status is said


def test_a_stop_that_was_not_triggered_is_pending_at_the_exchange() -> None:
    assert quantsapp("pending", waits_for_trigger=True).status is R.TRIGGER_PENDING
    assert quantsapp("completed", waits_for_trigger=True).status is R.FILLED


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_word_no_table_has_is_never_guessed(word: str, report: str) -> None:
    plain = word.strip().casefold().replace("_", " ")
    if plain not in order_status.ANGEL:
        assert angel(word) == UNRECOGNISED
    if plain not in order_status.QUANTSAPP:
        assert quantsapp(word) == UNRECOGNISED
    known = {key for pair in order_status.NOREN for key in pair}
    known |= {*order_status.NOREN_STATUS, *order_status.NOREN_REPORT}
    if plain not in known and report.strip().casefold() not in known:
        assert noren(word, report) == UNRECOGNISED


def test_the_greeting_of_the_stream_is_no_order() -> None:
    assert angel("AB00") == UNRECOGNISED
