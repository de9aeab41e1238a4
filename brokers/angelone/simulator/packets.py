"""Market snapshots as SmartStream packets, and the tokens of contracts that have none.

An index is sent as a QUOTE packet, everything else as SNAP_QUOTE, as this engine subscribes to
them. What index packets leave out is zero (protocols/angelone.md section 3.4).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from brokers.angelone import wire
from brokers.exchange.snapshot import MarketSnapshot, SnapshotLevel
from engine.errors import FileError
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind
from engine.model.tokens import TokenRow

INDEX_TOKENS: Final = {
    "NIFTY": "99926000",
    "BANKNIFTY": "99926009",
    "FINNIFTY": "99926037",
    "MIDCPNIFTY": "99926074",
    "SENSEX": "99919000",
}
"""The real ones (protocols/angelone.md section 3.4); indices keep theirs for good."""

_FIRST_INVENTED: Final = 43_001
_INVENTED_STEP: Final = 7
_MS_PER_S: Final = 1_000


def invent_tokens(listings: Sequence[InstrumentFacts]) -> tuple[TokenRow, ...]:
    """Return a token for each contract: the real one of an index, five made-up digits otherwise.

    Raises ``FileError`` for an index whose token is not known.
    """
    rows = []
    for place, facts in enumerate(listings):
        if facts.kind is Kind.INDEX:
            token = INDEX_TOKENS.get(facts.underlying)
            if token is None:
                raise FileError(
                    f"no token is known for the index {facts.underlying}; "
                    f"known: {', '.join(INDEX_TOKENS)}"
                )
        else:
            token = str(_FIRST_INVENTED + _INVENTED_STEP * place)
        rows.append(TokenRow(facts.segment, token, facts.key))
    return tuple(rows)


class SnapshotEncoder:
    """Encodes the snapshots of one market. ``tokens`` are in the order of its listings."""

    def __init__(self, tokens: Sequence[TokenRow]) -> None:
        self._addresses = [(wire.EXCHANGE_TYPES[row.segment], row.token) for row in tokens]

    def encode(self, snapshot: MarketSnapshot) -> bytes:
        """Return the packet: QUOTE for an index, which has no sequence, else SNAP_QUOTE."""
        exchange, token = self._addresses[snapshot.listing]
        quote = (
            exchange,
            token,
            snapshot.sequence,
            snapshot.exchange_time_s * _MS_PER_S,
            snapshot.last,
            snapshot.last_quantity,
            snapshot.average,
            snapshot.volume,
            float(snapshot.total_buy),
            float(snapshot.total_sell),
            snapshot.open,
            snapshot.high,
            snapshot.low,
            snapshot.previous_close,
        )
        if not snapshot.sequence:
            return wire.encode(wire.Quote(*quote))
        return wire.encode(
            wire.SnapQuote(
                *quote,
                snapshot.last_trade_s,
                snapshot.open_interest,
                _bits(snapshot.open_interest_change_pct),
                _rows(snapshot.bids),
                _rows(snapshot.asks),
                snapshot.upper_circuit,
                snapshot.lower_circuit,
                snapshot.year_high,
                snapshot.year_low,
            )
        )


def _bits(number: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", number))[0])


def _rows(levels: tuple[SnapshotLevel, ...]) -> tuple[wire.BookRow, ...]:
    return wire.five([wire.BookRow(quantity, price, orders) for price, quantity, orders in levels])
