"""What the paper broker says when it says no: a code and a sentence for every reason.

The numbers are those of NSE's trading system (the NNF error codes brokers pass on; 16448 and 17070
also in market_rules.md section 4 and reliability.md F15). ``RMS`` marks what a broker's own risk
system stops before the exchange sees it, ``AB1009`` and ``AB1013`` are Angel One's. The figures in
the sentences are added here: the exchange's own texts carry none.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from brokers.exchange.report import Rejection, Why
from engine.model.command import MessageKind


class Words(NamedTuple):
    """A broker's code and its sentence about one refusal."""

    code: str
    text: str


_WORDS: Final[dict[Why, Words]] = {
    Why.NOT_TRADABLE: Words("AB1009", "Symbol not found: {figure} is not {limit}"),
    Why.MARKET_CLOSED: Words(
        "16278", "The markets have not been opened for trading: it is {figure}, hours {limit}"
    ),
    Why.QUANTITY: Words("16416", "Invalid order parameters: quantity {figure} must be {limit}"),
    Why.LOT: Words("16328", "Quantity {figure} is not a multiple of the regular lot {limit}"),
    Why.FREEZE: Words("16606", "Quantity {figure} is greater than the freeze quantity {limit}"),
    Why.PRICE: Words("16416", "Invalid order parameters: price {figure} must be {limit}"),
    Why.TICK: Words("16283", "Order price {figure} is not a multiple of the tick size {limit}"),
    Why.TRIGGER_TICK: Words(
        "16316", "Trigger price {figure} is not a multiple of the tick size {limit}"
    ),
    Why.CIRCUIT: Words("16284", "Order price {figure} exceeds the day's price range {limit}"),
    Why.PRICE_PROTECTION: Words(
        "17070", "The price {figure} is out of the LPP range, which ends at {limit}"
    ),
    Why.STOP_TRIGGER: Words(
        "RMS",
        "RMS: the trigger price {figure} of a stop must lie beyond the last traded price {limit}:"
        " above it to buy, below it to sell",
    ),
    Why.STOP_LIMIT: Words("16315", "Limit price {figure} is worse than the trigger price {limit}"),
    Why.STOP_GAP: Words(
        "16448",
        "The difference between the limit price and trigger price, {figure}, is beyond the"
        " permissible range {limit}",
    ),
}

_TOO_LATE: Final[dict[MessageKind, Words]] = {
    MessageKind.CANCEL: Words(
        "16344", "The order cannot be cancelled: it works no more ({figure})"
    ),
    MessageKind.REPLACE: Words(
        "16346", "The order cannot be modified: it works no more ({figure})"
    ),
}

NOT_FOUND: Final = Words("AB1013", "Order not found")
TIMED_OUT: Final = Words("timeout", "no reply within {seconds:g} s")
SCRIPTED_REJECTION: Final = Words("RMS", "RMS: rejected by the paper broker's fault list")


def words(rejection: Rejection) -> Words:
    """Return code and sentence of a rejected order or change."""
    code, text = _WORDS[rejection.why]
    return Words(code, text.format(figure=rejection.figure, limit=rejection.limit))


def too_late(kind: MessageKind, rejection: Rejection) -> Words:
    """Return code and sentence of a cancel or replace that found its order ended."""
    code, text = _TOO_LATE[kind]
    return Words(code, text.format(figure=rejection.figure))
