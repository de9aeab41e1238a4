"""The lagging mean that price protection is measured from."""

from __future__ import annotations

from brokers.exchange.reference import WINDOW_NS, ReferencePrice


def test_before_a_window_has_ended_the_last_price_stands_in() -> None:
    reference = ReferencePrice()
    assert reference.over(77) == 77
    reference.note(0, 100)
    reference.note(WINDOW_NS - 1, 200)
    assert reference.over(77) == 77


def test_the_mean_of_a_window_holds_until_the_next_one_ends() -> None:
    reference = ReferencePrice()
    for at, ticks in ((0, 100), (WINDOW_NS - 1, 201), (WINDOW_NS, 900)):
        reference.note(at, ticks)
    assert reference.over(77) == 151  # 150.5, up
    reference.note(2 * WINDOW_NS - 1, 1100)
    assert reference.over(77) == 151
    reference.note(9 * WINDOW_NS, 1)
    assert reference.over(77) == 1000
