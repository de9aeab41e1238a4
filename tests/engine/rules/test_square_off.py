from datetime import date, time

import pytest

from engine.model.instrument import Segment
from engine.rules.square_off import leave_by


def s(clock: str) -> int:
    at = time.fromisoformat(clock)
    return (at.hour * 60 + at.minute) * 60


@pytest.mark.parametrize(
    ("segment", "day", "close", "flat_by"),
    [
        # The first broker, and five minutes: cash 15:15 (Angel One), derivatives 15:15 (Alice Blue).
        (Segment.NSE_CM, date(2026, 7, 31), "15:30", "15:10"),
        (Segment.NSE_FO, date(2026, 7, 31), "15:30", "15:10"),
        (Segment.MCX_FO, date(2026, 7, 31), "23:30", "22:55"),
        (Segment.MCX_FO, date(2026, 11, 20), "23:55", "23:20"),
    ],
)
def test_flat_before_the_first_broker(
    segment: Segment, day: date, close: str, flat_by: str
) -> None:
    assert leave_by(segment, day, s(close)) == s(flat_by)


@pytest.mark.parametrize(
    "segment", [Segment.NSE_CM, Segment.BSE_CM, Segment.NSE_FO, Segment.BSE_FO]
)
def test_since_the_closing_auction_no_broker_time_is_known(segment: Segment) -> None:
    assert leave_by(segment, date(2026, 8, 3), s("15:40")) is None
