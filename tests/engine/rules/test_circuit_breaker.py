from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FileError
from engine.rules.circuit_breaker import Halt, halt_at

DAY = date(2026, 8, 19)


def s(clock: str) -> int:
    at = time.fromisoformat(clock)
    return (at.hour * 60 + at.minute) * 60 + at.second


@pytest.mark.parametrize(
    ("level", "clock", "minutes"),
    [
        # SEBI CIR/MRD/DP/25/2013: the halt, and with it 15 minutes of auction.
        (10, "09:20:00", 45 + 15),
        (10, "12:59:59", 45 + 15),
        (10, "13:00:00", 15 + 15),
        (10, "14:29:59", 15 + 15),
        (10, "14:30:00", 0),
        (15, "09:20:00", 105 + 15),
        (15, "12:59:59", 105 + 15),
        (15, "13:00:00", 45 + 15),
        (15, "13:59:59", 45 + 15),
        (15, "14:00:00", None),
        (15, "15:20:00", None),
        (20, "09:20:00", None),
        (20, "15:29:59", None),
    ],
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_level_stops_the_market_for_as_long_as_the_rule_says(
    level: int, clock: str, minutes: int | None, sign: int
) -> None:
    last = 20_000 * (1 + sign * level / 100)
    wanted = None if minutes == 0 else Halt(level, None if minutes is None else minutes * 60)
    assert halt_at(last, 20_000.0, s(clock), DAY) == wanted


@pytest.mark.parametrize(
    ("day", "last", "previous", "clock", "resumed"),
    [
        # NIFTY 50: stopped at 09:20 and traded again at 10:20, and 09:58 to 10:58.
        (date(2020, 3, 13), 8_555.15, 9_590.15, "09:20:00", "10:20:00"),
        (date(2020, 3, 23), 7_870.0, 8_745.45, "09:58:00", "10:58:00"),
    ],
)
def test_the_two_halts_of_march_2020(
    day: date, last: float, previous: float, clock: str, resumed: str
) -> None:
    halt = halt_at(last, previous, s(clock), day)
    assert halt is not None
    assert halt.level_pct == 10
    assert halt.lasts_s == s(resumed) - s(clock)


@given(
    st.floats(min_value=100, max_value=1e6),
    st.floats(min_value=-0.0999, max_value=0.0999),
    st.integers(min_value=0, max_value=86_399),
)
def test_less_than_ten_percent_stops_nothing(previous: float, move: float, second: int) -> None:
    assert halt_at(previous * (1 + move), previous, second, DAY) is None


def test_before_the_rule_nothing_is_guessed() -> None:
    with pytest.raises(FileError, match="2013-10-01"):
        halt_at(90.0, 100.0, 0, date(2013, 9, 30))
