"""The greeks of a contract: what a price, the forward it is worth against and a moment say.

Time to expiry is calendar time, in years of 365 days, to the close of trading in the contract's
own segment on its expiry day (``expires_at``). The reasons stand in docs/options.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.errors import OffGrid
from engine.model.instrument import Instrument, Kind
from engine.rules import black76
from engine.rules.black76 import Greeks
from engine.rules.sessions import Sessions

LINEAR: Final = Greeks(delta=1.0, gamma=0.0, vega=0.0, theta=0.0, rho=0.0)
"""A future, a share: rupee for rupee with itself."""


class OptionValue(NamedTuple):
    """The implied volatility in a premium (0.13 means 13 %), and the greeks of one unit at it."""

    iv: float
    greeks: Greeks


def expires_at(sessions: Sessions, instrument: Instrument) -> int:
    """Return when trading in a future or option ends for good, ns UTC.

    Raises ``OffGrid`` for what does not expire, and ``FileError`` where the calendar of the
    expiry day is not known.
    """
    if instrument.expiry is None:
        raise OffGrid(f"{instrument.symbol} does not expire")
    return sessions.continuous(instrument.segment, instrument.expiry)[1]


def option_value(
    option: Instrument, premium: float, forward: float, years: float, discount: float = 1.0
) -> OptionValue | None:
    """Return the implied volatility and the greeks of one unit of ``option``.

    ``premium`` and ``forward`` are observed rupees, ``years`` the time to expiry. None where no
    volatility gives that premium: see ``engine.rules.black76.implied_vol``. Raises ``OffGrid`` for
    anything but an option.
    """
    if option.kind is not Kind.OPTION or option.right is None or option.strike is None:
        raise OffGrid(f"{option.symbol} is not an option")
    right, strike = option.right, float(option.strike)
    iv = black76.implied_vol(right, forward, strike, years, premium, discount)
    if iv is None:
        return None
    return OptionValue(iv, black76.greeks(right, forward, strike, years, iv, discount))
