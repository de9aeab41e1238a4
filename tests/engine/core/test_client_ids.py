from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.client_ids import ClientIds, parse
from engine.errors import InvariantBroken

DAYS = st.dates(date(2020, 1, 1), date(2147, 9, 27))
SEQUENCES = st.integers(0, 36**6 - 1)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@given(DAYS, SEQUENCES)
def test_a_tag_says_its_date_and_number(day: date, sequence: int) -> None:
    tag = ClientIds(day, sequence).next()
    assert re.fullmatch(r"LW[A-Z0-9]{12}", tag)
    assert parse(tag) == (day, sequence)


def test_tags_never_repeat_and_go_on_after_a_restart() -> None:
    ids = ClientIds(date(2026, 8, 3), 0)
    tags = [ids.next() for _ in range(2000)]
    ids = ClientIds(date(2026, 8, 3), ids.next_sequence)
    tags += [ids.next() for _ in range(2000)]
    tags += [ClientIds(date(2026, 8, 4), 0).next()]
    assert len(set(tags)) == 4001


def test_the_same_day_and_number_give_the_same_tag() -> None:
    assert ClientIds(date(2026, 8, 3), 7).next() == ClientIds(date(2026, 8, 3), 7).next()


@given(DAYS, SEQUENCES, st.integers(2, 13), st.sampled_from(DIGITS))
def test_no_single_wrong_character_passes(day: date, sequence: int, at: int, other: str) -> None:
    tag = ClientIds(day, sequence).next()
    changed = tag[:at] + other + tag[at + 1 :]
    assert changed == tag or parse(changed) is None


@given(DAYS, SEQUENCES, st.data())
def test_no_swap_of_two_characters_passes(day: date, sequence: int, data: st.DataObject) -> None:
    tag = ClientIds(day, sequence).next()
    i = data.draw(st.integers(2, 10))
    j = data.draw(st.integers(2, 10))
    swapped = list(tag)
    swapped[i], swapped[j] = swapped[j], swapped[i]
    changed = "".join(swapped)
    assert changed == tag or parse(changed) is None


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "LW",
        "LW0000000000000",
        "lw000000000000",
        "XX000000000000",
        "LW00000000000!",
        "LW²00000000000",
    ],
)
def test_foreign_tags_are_not_ours(tag: str) -> None:
    assert parse(tag) is None


@given(st.text(DIGITS, min_size=12, max_size=12))
def test_a_foreign_tag_with_our_prefix_passes_only_if_it_reads_back(body: str) -> None:
    tag = "LW" + body
    found = parse(tag)
    assert found is None or ClientIds(*found).next() == tag


@given(st.text(max_size=20))
def test_no_text_upsets_the_parser(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("day", "sequence"),
    [(date(2019, 12, 31), 0), (date(2147, 9, 28), 0), (date(2026, 8, 3), -1)],
)
def test_what_a_tag_cannot_carry_is_refused(day: date, sequence: int) -> None:
    with pytest.raises(InvariantBroken):
        ClientIds(day, sequence)


def test_numbers_that_are_used_up_are_not_used_again() -> None:
    ids = ClientIds(date(2026, 8, 3), 36**6 - 1)
    ids.next()
    with pytest.raises(InvariantBroken, match="used up"):
        ids.next()
