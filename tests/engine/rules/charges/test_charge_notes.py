"""What a day's contract note makes of unrounded charges."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.model.instrument import Segment
from engine.rules.charges import Charges, day_notes, rounded

D = Decimal
FO, MCX = Segment.NSE_FO, Segment.MCX_FO


def test_the_transaction_tax_is_rounded_once_to_the_rupee_and_the_rest_to_the_paisa() -> None:
    trades = [("a", FO, Charges(stt=D("0.25"), gst=D("0.004"), stamp=D("0.224")))] * 2
    (note,) = day_notes(trades)
    assert note.charges.stt == D(1)  # 0.50 rounds up
    assert note.charges.gst == D("0.01")
    assert note.charges.stamp == D("0.45")
    assert note.total == D("1.46")
    assert note.unrounded.stt == D("0.50")
    assert day_notes([]) == ()


def test_just_under_half_a_rupee_of_tax_is_none() -> None:
    assert rounded(Charges(stt=D("11.4999"))).stt == 11
    assert rounded(Charges(stt=D("11.5"))).stt == 12


def test_accounts_and_commodities_have_notes_of_their_own() -> None:
    each = Charges(stt=D("0.4"))
    notes = day_notes(
        [("a", FO, each), ("b", FO, each), ("a", MCX, each), ("a", Segment.BSE_CM, each)]
    )
    assert [(n.account, n.is_commodity, n.charges.stt) for n in notes] == [
        ("a", False, 1),
        ("b", False, 0),
        ("a", True, 0),
    ]


@given(st.lists(st.decimals(0, 10_000, places=6), max_size=20))
def test_a_note_is_within_a_rupee_of_the_unrounded_sum(amounts: list[Decimal]) -> None:
    trades = [("a", FO, Charges(stt=a, gst=a / 7, exchange=a / 3)) for a in amounts]
    for note in day_notes(trades):
        assert abs(note.total - note.unrounded.total) <= D("0.52")
