"""Prints of many instruments as parallel columns: what an importer hands to a frame encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Column = Sequence[int | None] | None
"""A value per print, None where it is absent; None instead of the column where nobody has it."""


class Prints(NamedTuple):
    """Prints in the order in which they are to stand in a recording.

    ``places`` are places in the encoder's token table, ``exchange_times_ms`` milliseconds since the
    epoch, UTC. Prices are whole wire units (``FrameMaker.scale`` of them make a rupee), quantities
    whole units, ``volume`` and ``open``, ``high``, ``low``, ``average_price`` of the day.
    """

    places: Sequence[int]
    exchange_times_ms: Sequence[int]
    last: Sequence[int]
    last_qty: Column = None
    volume: Column = None
    average_price: Column = None
    open: Column = None
    high: Column = None
    low: Column = None
    previous_close: Column = None
    open_interest: Column = None
    bid: Column = None
    bid_qty: Column = None
    ask: Column = None
    ask_qty: Column = None
