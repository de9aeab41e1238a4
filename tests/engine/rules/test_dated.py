from datetime import date

import pytest

from engine.errors import FileError
from engine.rules.dated import Row, in_force

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
