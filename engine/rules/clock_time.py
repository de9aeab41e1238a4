"""Nanoseconds since the epoch, UTC, to Indian clock time and back.

India has had one offset and no summer time since 1945, so a fixed +05:30 is exact.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
NS_PER_S: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_S

_OFFSET_NS: Final = 19_800 * NS_PER_S
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=256)
def ns(seconds: float) -> int:
    """Return ``seconds`` as whole nanoseconds: of settings mostly, the same over and over."""
    return round(seconds * NS_PER_S)


def ist_datetime(at: int) -> datetime:
    """Return ``at`` (ns) as an aware datetime in IST, cut to the microsecond."""
    return (_EPOCH + timedelta(microseconds=at // 1_000)).astimezone(IST)


def ist_date(at: int) -> date:
    """Return the calendar day in India at ``at`` (ns)."""
    return date.fromordinal(_EPOCH_DAY + (at + _OFFSET_NS) // NS_PER_DAY)


def midnight_ns(day: date) -> int:
    """Return when ``day`` begins in India, ns."""
    return (day.toordinal() - _EPOCH_DAY) * NS_PER_DAY - _OFFSET_NS


def at_ns(day: date, clock: time) -> int:
    """Return when the clocks of India show ``clock`` on ``day``, ns."""
    seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second
    return midnight_ns(day) + seconds * NS_PER_S + clock.microsecond * 1_000


def to_ns(moment: datetime) -> int:
    """Return an aware datetime as ns. Raises ``ValueError`` on a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give one, such as IST")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


@lru_cache(maxsize=512)
def clock_text(at: int, places: int = 3) -> str:
    """Return the Indian clock time of ``at`` (ns) as ``09:20:00.125``, cut, never rounded up."""
    of_day = (at + _OFFSET_NS) % NS_PER_DAY
    seconds, fraction = divmod(of_day, NS_PER_S)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:09}"[: 9 + places] if places else text
