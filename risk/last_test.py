"""The last kill test before a socket: it may only stop what is about to leave, never allow more.

The gate judged the order when it was asked for and again when it was released. Between that and the
first byte lies the wait for the disk, and a kill may fall into it (reliability.md 2.3, step 6).
"""

from __future__ import annotations

from engine.model.order import OrderRequest, Purpose
from engine.ports import TradingState


def barred(request: OrderRequest, standing: tuple[TradingState, str]) -> str:
    """Return why an order may not leave as things stand now, empty when it may.

    A kill lets only flattening pass, any other restriction only what reduces. Cancels are not
    asked about: they always may.
    """
    state, why = standing
    if state is TradingState.ACTIVE:
        return ""
    if state is TradingState.KILLED:
        return "" if request.purpose is Purpose.FLATTEN else why
    return "" if request.purpose.reduces else why
