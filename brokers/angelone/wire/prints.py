"""Prints to packets, one ``struct`` call each: how an import becomes SmartStream frames.

The smallest packet that holds what is known is taken (protocols/angelone.md section 3.4): LTP for a
price alone; QUOTE where the day's volume or range is known too; SNAP_QUOTE where open interest or
a best price is. A zero says *absent* in every field but the volume and a derivative's open
interest, so those two decide the packet. The sequence, which means nothing here, is 0.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import repeat
from typing import Final

from brokers.angelone.wire.packet import EXCHANGE_TYPES, Mode, instrument_key
from engine.errors import FileError, WireError
from engine.model.prints import Column, Prints
from engine.model.tokens import TokenRow

_LTP: Final = struct.Struct("<27sqqq")
_QUOTE: Final = struct.Struct("<27sqqqqqqddqqqq")
# The best of a side in its first row; four rows behind it are empty but for their flag.
_SNAP: Final = struct.Struct("<27sqqqqqqddqqqqqqqhqqh80shqqh80sqqqq")
_BUY: Final = 1
_SELL: Final = 0
_ROW: Final = struct.Struct("<hqqh")
_BUYS: Final = _ROW.pack(_BUY, 0, 0, 0) * 4
_SELLS: Final = _ROW.pack(_SELL, 0, 0, 0) * 4


class PrintEncoder:
    """Encodes prints of the instruments of ``tokens``, which ``Prints.places`` count into."""

    def __init__(self, tokens: Sequence[TokenRow]) -> None:
        """Know the addresses. Raises ``FileError`` for a token no packet can carry."""
        keys = []
        for row in tokens:
            try:
                keys.append(instrument_key(EXCHANGE_TYPES[row.segment], row.token))
            except WireError as error:
                raise FileError(f"{row.key}: {error}") from error
        self._ltp = [bytes([Mode.LTP]) + key for key in keys]
        self._quote = [bytes([Mode.QUOTE]) + key for key in keys]
        self._snap = [bytes([Mode.SNAP_QUOTE]) + key for key in keys]

    def frames(self, prints: Prints) -> list[bytes]:
        """Return a packet per print.

        Raises ``WireError`` where a value does not fit its field, and for open interest or a best
        price without the day's volume: no packet can leave that out.
        """
        try:
            return self._frames(prints)
        except struct.error as error:
            raise WireError(f"a print does not fit a packet: {error}") from error

    def _frames(self, prints: Prints) -> list[bytes]:
        ltp, quote, snap = self._ltp, self._quote, self._snap
        pack_ltp, pack_quote, pack_snap = _LTP.pack, _QUOTE.pack, _SNAP.pack
        made: list[bytes] = []
        if all(column is None for column in prints[3:]):
            heads = map(ltp.__getitem__, prints.places)
            return list(map(pack_ltp, heads, repeat(0), prints.exchange_times_ms, prints.last))
        rows = zip(
            prints.places,
            prints.exchange_times_ms,
            prints.last,
            *map(_filled, prints[3:]),
            strict=False,
        )
        for (
            place, time_ms, last, last_qty, volume, average, open_, high, low, close,
            open_interest, bid, bid_qty, ask, ask_qty,
        ) in rows:  # fmt: skip
            if open_interest is not None or bid or ask:
                if volume is None:
                    raise WireError(
                        "open interest or a best price without the day's volume; a SNAP_QUOTE "
                        "packet cannot leave it out"
                    )
                frame = pack_snap(
                    snap[place], 0, time_ms, last, last_qty or 0, average or 0, volume, 0.0, 0.0,
                    open_ or 0, high or 0, low or 0, close or 0, 0, open_interest or 0, 0,
                    _BUY, bid_qty or 0, bid or 0, 0, _BUYS,
                    _SELL, ask_qty or 0, ask or 0, 0, _SELLS, 0, 0, 0, 0,
                )  # fmt: skip
            elif volume is None and not (last_qty or average or open_ or high or low or close):
                frame = pack_ltp(ltp[place], 0, time_ms, last)
            else:
                frame = pack_quote(
                    quote[place], 0, time_ms, last, last_qty or 0, average or 0, volume or 0,
                    0.0, 0.0, open_ or 0, high or 0, low or 0, close or 0,
                )  # fmt: skip
            made.append(frame)
        return made


def _filled(column: Column) -> Sequence[int | None] | repeat[None]:
    return repeat(None) if column is None else column
