"""Our own order ids: the tag an order carries on the wire (DESIGN.md section 5).

Fourteen characters ``[A-Z0-9]``, which every broker's tag field takes: ``LW``, three for the
trading date, six for the sequence number, three check characters, all in base 36. The sequence is
the journal's, so a tag is never random and never used twice; the check rejects foreign tags.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from engine.errors import InvariantBroken

PREFIX: Final = "LW"
LENGTH: Final = 14

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS: Final = tuple(high + low for high in _DIGITS for low in _DIGITS)
_FIRST_DAY: Final = date(2020, 1, 1)
_DATE_CHARS: Final = 3
_SEQUENCE_CHARS: Final = 6
_CHECK_CHARS: Final = 3
# The largest prime below 36**3. Modulo a prime, no change of one character and no swap of two
# keeps the remainder, which a CRC cut down to this many values could not promise.
_CHECK_PRIME: Final = 46649


class ClientIds:
    """Hands out the tags of one trading date. ``next_sequence`` comes from the journal's boot."""

    def __init__(self, trading_date: date, next_sequence: int) -> None:
        day = (trading_date - _FIRST_DAY).days
        if not 0 <= day < 36**_DATE_CHARS:
            raise InvariantBroken(f"no client id can carry the trading date {trading_date}")
        if next_sequence < 0:
            raise InvariantBroken(f"client ids cannot start at {next_sequence}")
        self.trading_date = trading_date
        self.next_sequence = next_sequence
        self._day = PREFIX + _base36(day, _DATE_CHARS)
        self._many = -1
        self._stem = ""

    def next(self) -> str:
        """Return the next tag. Raises ``InvariantBroken`` when the day's numbers are used up."""
        sequence = self.next_sequence
        if sequence >= 36**_SEQUENCE_CHARS:
            raise InvariantBroken(f"all client ids of {self.trading_date} are used up")
        self.next_sequence = sequence + 1
        many, few = divmod(sequence, len(_PAIRS))
        if many != self._many:
            # All but the last two characters stay as they are for many orders.
            self._many = many
            self._stem = self._day + _base36(many, _SEQUENCE_CHARS - 2)
        body = self._stem + _PAIRS[few]
        return body + _check(body)


def parse(tag: str) -> tuple[date, int] | None:
    """Return the trading date and sequence number of one of our tags, None for a foreign one."""
    if len(tag) != LENGTH or not tag.startswith(PREFIX) or any(c not in _DIGITS for c in tag):
        return None
    body, check = tag[:-_CHECK_CHARS], tag[-_CHECK_CHARS:]
    if _check(body) != check:
        return None
    start = len(PREFIX)
    day = int(body[start : start + _DATE_CHARS], 36)
    return _FIRST_DAY + timedelta(days=day), int(body[start + _DATE_CHARS :], 36)


def _check(body: str) -> str:
    high, low = divmod(int(body, 36) % _CHECK_PRIME, len(_PAIRS))
    return _DIGITS[high] + _PAIRS[low]


def _base36(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
