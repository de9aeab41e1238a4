from datetime import date

import pytest

from engine.errors import FileError
from engine.rules.dated import Row, in_force, last_days, row_in_force

ROWS = (Row(date(2025, 1, 1), "old", "a"), Row(date(2026, 4, 1), "new", "b"))


@pytest.mark.parametrize(
    ("day", "value"),
    [
        (date(2025, 1, 1), "old"),
        (date(2026, 3, 31), "old"),
        (date(2026, 4, 1), "new"),
        (date(2099, 1, 1), "new"),
    ],
)
def test_a_row_holds_from_its_first_day_to_the_eve_of_the_next(day: date, value: str) -> None:
    assert in_force(ROWS, day, "tax") == value


def test_a_day_before_the_first_row_is_an_error_that_names_both_days() -> None:
    with pytest.raises(FileError, match=r"tax.*2024-12-31.*2025-01-01"):
        in_force(ROWS, date(2024, 12, 31), "tax")


GAP = (
    Row(date(2023, 4, 1), "old", "a", "M", date(2024, 3, 31)),
    Row(date(2024, 10, 1), "new", "b"),
)


def test_between_the_last_day_of_one_and_the_first_of_the_next_nothing_is_known() -> None:
    assert in_force(GAP, date(2024, 3, 31), "fee") == "old"
    assert in_force(GAP, date(2024, 10, 1), "fee") == "new"
    for day in (date(2024, 4, 1), date(2024, 9, 30)):
        with pytest.raises(FileError, match=r"up to 2024-03-31 and again from 2024-10-01"):
            in_force(GAP, day, "fee")


def test_after_the_last_day_of_the_last_row_nothing_is_known() -> None:
    with pytest.raises(FileError, match=r"one is known up to 2024-03-31$"):
        in_force(GAP[:1], date(2024, 4, 1), "fee")


def test_a_row_carries_its_source_and_how_sure_it_is() -> None:
    row = row_in_force(GAP, date(2024, 1, 1), "fee")
    assert (row.source, row.certainty) == ("a", "M")
    assert row_in_force(GAP, date(2025, 1, 1), "fee").certainty == "H"


def test_the_last_day_of_a_row_is_its_own_or_the_eve_of_the_next() -> None:
    assert last_days(ROWS) == (date(2026, 3, 31), None)
    assert last_days(GAP) == (date(2024, 3, 31), None)
